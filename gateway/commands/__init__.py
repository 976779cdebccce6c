"""Commands that look at a deployment or an operation and report."""
