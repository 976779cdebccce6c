"""The commands that inspect or repair a deployment (`gateway check`, `deliveries`, `inbox`), or inspect an operation document (`gateway explain`)."""
