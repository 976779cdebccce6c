"""Compiles GraphQL operations to Python functions: a validated operation is compiled to a plan once, and the plan executes it. See README.md."""

from compiler.compiler import Compiler, Plans
from compiler.guards import Guard
from compiler.run import Limit

__all__ = ["Compiler", "Guard", "Limit", "Plans"]
