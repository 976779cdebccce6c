"""The HTML pages of the gateway."""
