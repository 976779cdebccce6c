"""Tests of `store.feeds`."""
