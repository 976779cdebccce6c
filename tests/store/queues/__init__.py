"""Tests of `store.queues`."""
