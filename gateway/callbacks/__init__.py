"""Endpoints that are not part of the API: they are for providers, and for the people who are being verified."""
