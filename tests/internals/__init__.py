"""One test for each internal behaviour of a library that the gateway relies on. If an upgrade breaks a test, `docs/upgrading.md` says which code."""
