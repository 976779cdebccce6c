"""Small HTTP servers that stand in for the APIs of providers, and produce faults when a test requests them."""
