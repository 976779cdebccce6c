"""Compiles each GraphQL operation once to Python functions (a plan), which execute it many times.

compiler/README.md explains the terms of this package.
"""

from compiler.compiler import Compiler, Plans
from compiler.guards import Guard
from compiler.run import Limit

__all__ = ["Compiler", "Guard", "Limit", "Plans"]
