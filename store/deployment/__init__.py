"""What differs between deployments: the address of MongoDB, and in development an embedded MongoDB with its replica set."""
