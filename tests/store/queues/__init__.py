"""Tests of `store.queues`: unfinished starts, planned queries of providers with their budgets, and deliveries of events."""
