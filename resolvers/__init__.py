"""Resolvers: one function for each GraphQL field that is more than an attribute. It takes the field's arguments and returns domain objects."""
