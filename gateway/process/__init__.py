"""The process: draining, health and probes, metrics, logs, the audit log, traces, background tasks."""
