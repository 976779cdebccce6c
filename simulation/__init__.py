"""A client that drives verifications through realistic lives, using only the public GraphQL API."""
