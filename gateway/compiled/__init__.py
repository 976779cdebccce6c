"""Operations of a GraphQL schema, compiled to Python: a validated operation becomes a plan once, and the plan answers. See README.md beside this."""

from gateway.compiled.compiler import Compiler, Plans
from gateway.compiled.guards import Guard
from gateway.compiled.run import Limit

__all__ = ["Compiler", "Guard", "Limit", "Plans"]
