"""Endpoints for providers and for the people whom they verify."""
