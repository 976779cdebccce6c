"""Counts commands, connections and the change stream for the metrics, without locks; reports commands to traces, and adds comments to commands."""
