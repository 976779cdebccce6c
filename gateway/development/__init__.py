"""The command `gateway dev`: a gateway for a developer's machine, with keys, tokens and an embedded mongod."""
