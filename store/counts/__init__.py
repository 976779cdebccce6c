"""Queries that count: the number of matching verifications, and their statistics."""
