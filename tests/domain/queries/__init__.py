"""Tests of the rules for queries of providers."""
