"""Tests of `store.feeds`: what the feed remembers, and what it reads again from the database."""
