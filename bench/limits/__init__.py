"""Measurements of how far one process and one primary of MongoDB go: the figures of docs/scaling.md."""
