"""The compiled executor, held to graphql-core: whatever is asked, both answer the same."""
