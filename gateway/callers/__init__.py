"""Callers: their tokens, the keys that verify them, their rates, and the admission of their connections."""
