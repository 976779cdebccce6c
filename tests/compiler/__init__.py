"""Tests of the compiler. Most of them execute an operation by its compiled plan and by graphql-core, and both results must be equal."""
