"""Contains one function for each GraphQL field. Each takes the field's arguments and returns domain objects."""
