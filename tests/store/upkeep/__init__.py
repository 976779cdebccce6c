"""Tests of the work on all stored verifications: new keys, new schema versions, exports, and erasing a person's data."""
