"""Tests of `store.monitoring`: what the store counts for the metrics, and the spans and comments of commands."""
