"""The GraphQL schema that clients see: types, enums and the three roots. It contains no logic."""
