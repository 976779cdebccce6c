"""Tests of the rules for the queries that the gateway sends to providers."""
