"""One test for each internal behaviour of a library that the gateway relies on. `docs/upgrading.md` lists the code that does."""
