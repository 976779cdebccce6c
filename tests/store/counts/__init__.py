"""Tests of `store.counts`: counts and statistics, and how many of them may run at a time."""
