"""Tests of the compiler. Most of them execute an operation by its compiled plan and by graphql-core, and both results must be equal.

For the terms (plan, position, spot, place, hole, guard, variant), see compiler/README.md.
"""
