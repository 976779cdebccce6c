"""One test for each internal behaviour of a library that the gateway relies on. It fails if a new release of the library behaves differently.

`docs/libraries.md` lists the code of the gateway that relies on each behaviour.
"""
