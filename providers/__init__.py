"""Adapters for the companies that verify identities. One is a sandbox that ships with the gateway."""
