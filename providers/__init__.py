"""The companies that verify: so far a sandbox that ships with the gateway."""
