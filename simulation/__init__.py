"""A client that creates verifications and plays what happens to them in reality, from creation to outcome. It uses only the public GraphQL API."""
