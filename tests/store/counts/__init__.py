"""Tests of `store.counts`."""
