"""Who calls: tokens, the keys that sign them, rates, and places for connections."""
