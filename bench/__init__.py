"""Benchmarks of the gateway and of the servers that it is compared with (the peers). They print tables, and are not part of the tests."""
