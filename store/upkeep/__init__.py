"""Work on all stored verifications that changes none of them: new keys, new schema versions, exports, and erasing a person's data."""
