"""Adapters for the companies that verify identities. So far: a sandbox that ships with the gateway."""
