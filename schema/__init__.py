"""What clients see: types, enums and the three roots. No logic."""
