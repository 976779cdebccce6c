"""A client that leads verifications through realistic lives, by the public GraphQL API alone."""
