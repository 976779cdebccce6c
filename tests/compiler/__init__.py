"""Tests of the compiler. Most execute an operation by graphql-core too, and both must give the same result."""
