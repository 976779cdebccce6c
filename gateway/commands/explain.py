"""How the operations of a document would be executed, for whoever wonders."""

from collections.abc import Iterator

from graphql import OperationType

from domain.caller import Scope
from gateway.operations.documents import Documents
from gateway.operations.preparation import PreparedOperation
from gateway.operations.rights import enforce
from schema.build import build, executable


def explained(text: str, scopes: frozenset[Scope]) -> Iterator[str]:
    """The cost and the source of each operation's plan, for callers with these scopes. Raises: RequestRefused where the document can't be used."""
    schema = executable(build())
    enforce(schema)
    for known in Documents(schema, introspection=True).check(text, "").values():
        yield f"# {known.type.value} {known.name or 'without a name'}: costs {known.price.cost({})} with its variables left out"
        yield source(known, scopes)


def source(known: PreparedOperation, scopes: frozenset[Scope]) -> str:
    """The source of an operation's plan, or why it has none."""
    plan = known.plans.plan(known.plans.everything, scopes)
    each = "# each of its events is executed by this\n" if known.type is OperationType.SUBSCRIPTION else ""
    return f"{each}{plan.source}" if plan else f"# executed by graphql-core: {known.plans.refused}\n"
