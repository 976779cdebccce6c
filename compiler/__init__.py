"""Operations of a GraphQL schema, compiled to Python: a validated operation becomes a plan once, and the plan answers. See README.md beside this."""

from compiler.compiler import Compiler, Plans
from compiler.guards import Guard
from compiler.run import Limit

__all__ = ["Compiler", "Guard", "Limit", "Plans"]
