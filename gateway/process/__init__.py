"""The process itself: draining, health, metrics, logs, background tasks."""
