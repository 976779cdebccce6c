"""One function for each GraphQL field: arguments in, steps in order, domain objects out."""
