"""Finds out whether the gateway can serve with a MongoDB: its kind and version, the privileges of the user, a write and the change stream."""
