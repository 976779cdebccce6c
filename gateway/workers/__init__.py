"""Several processes that serve one port: the process that starts and restarts them, and what they share."""
