"""Commands that inspect a deployment (`check`) or an operation document (`explain`)."""
