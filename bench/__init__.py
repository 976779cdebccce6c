"""Benchmarks of the gateway and its peers, printed as tables. Not tests."""
