"""GraphQL operations: documents, limits, cost, rights, execution and live delivery."""
