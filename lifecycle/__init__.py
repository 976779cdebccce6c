"""Everything that can change a verification: mutations, the sandbox's page, and deadlines that pass."""
