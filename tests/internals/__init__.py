"""One test for each internal of a library that the gateway relies on. `docs/upgrading.md` lists them."""
