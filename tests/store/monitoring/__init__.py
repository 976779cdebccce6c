"""Tests of `store.monitoring`."""
