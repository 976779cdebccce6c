"""Work on stored verifications that an operator starts: new data keys, new schema versions, exports, and the erasure of a person's data."""
