"""What the store counts for the metrics: commands, connections and the change stream. Counting takes no locks."""
