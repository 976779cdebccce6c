"""`gateway dev` and what it brings along: keys, tokens and a mongod."""
