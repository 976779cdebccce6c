"""The process: draining, health and probes, metrics, logs, background tasks."""
