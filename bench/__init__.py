"""How fast it is: measured side by side, printed as tables. Not tests."""
