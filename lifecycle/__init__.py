"""Everything that may happen to a verification, whatever triggers it."""
