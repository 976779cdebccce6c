"""What a deployment decides: the address of MongoDB, and the replica set of the embedded MongoDB."""
