"""`gateway explain`: shows the cost of each operation in a document, and the Python source of its plan."""

from collections.abc import Iterator

from graphql import OperationType

from domain.caller import Scope
from gateway.operations.documents import Documents
from gateway.operations.preparation import PreparedOperation
from gateway.operations.rights import enforce
from schema.build import build, executable


def explanation(text: str, scopes: frozenset[Scope]) -> Iterator[str]:
    """The lines that the command prints: for each operation its cost, and its plan for a caller with these scopes.

    Raises: RequestRefused if the document is not valid or exceeds a limit.
    """
    schema = executable(build())
    enforce(schema)
    for operation in Documents(schema, introspection=True).check(text, "").values():
        yield f"# {operation.type.value} {operation.name or 'without a name'}: costs {operation.price.cost({})} without variables"
        yield source(operation, scopes)


def source(operation: PreparedOperation, scopes: frozenset[Scope]) -> str:
    """The Python source of an operation's plan, or the reason why the operation could not be compiled."""
    plan = operation.plans.plan(operation.plans.everything, scopes)
    each = "# executed for each event\n" if operation.type is OperationType.SUBSCRIPTION else ""
    return f"{each}{plan.source}" if plan else f"# executed by graphql-core: {operation.plans.refused}\n"
