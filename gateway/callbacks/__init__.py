"""Addresses that providers, and the people whom they verify, call back."""
