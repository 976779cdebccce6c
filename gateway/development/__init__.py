"""`gateway dev`, with its keys, tokens and embedded mongod."""
