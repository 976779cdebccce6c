"""How a type of the schema is written down: a field names what answers it, what it answers with, and what a caller needs to ask for it."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import strawberry

from domain.caller import Scope

T = TypeVar("T", bound=type)

# The key of a field's metadata under which its rights stand: a caller needs one of these scopes. Nothing there: any caller may.
NEEDS = "needs"

READ = frozenset({Scope.READ})
FOLLOW = frozenset({Scope.READ, Scope.FOLLOW})
WRITE = frozenset({Scope.WRITE})
REPORT = frozenset({Scope.REPORT})
SENSITIVE = frozenset({Scope.SENSITIVE})


def described(cls: T) -> T:
    """An object type whose description is its docstring."""
    return strawberry.type(cls, description=inspect.getdoc(cls))


def field(resolver: Callable[..., Any], type: Any = None, *, needs: frozenset[Scope] | None = None, name: str | None = None) -> Any:
    """A field that a resolver answers, with a type of the schema; its docstring describes the field."""
    return strawberry.field(resolver=resolver, graphql_type=type, name=name, description=_told(summary(resolver), needs), metadata={NEEDS: needs})


def subscription(resolver: Callable[..., Any], type: Any, *, needs: frozenset[Scope]) -> Any:
    """The same for a field that goes on answering."""
    return strawberry.subscription(resolver=resolver, graphql_type=type, description=_told(summary(resolver), needs), metadata={NEEDS: needs})


def attribute(description: str, *, needs: frozenset[Scope] | None = None, name: str | None = None) -> Any:
    """A field that the domain object has under the same name."""
    return strawberry.field(description=_told(description, needs), name=name, metadata={NEEDS: needs})


def represents(*classes: type) -> Any:
    """The `is_type_of` of a type whose values are objects of the domain."""

    def is_type_of(value: object, info: object) -> bool:
        return isinstance(value, classes)

    return staticmethod(is_type_of)


def summary(resolver: Callable[..., Any]) -> str:
    """What a docstring says apart from `Raises:` and `Cost:`, on one line."""
    paragraphs = inspect.cleandoc(resolver.__doc__ or "").split("\n\n")
    return " ".join(" ".join(paragraph.split()) for paragraph in paragraphs if not paragraph.startswith(("Raises:", "Cost:")))


def _told(description: str, needs: frozenset[Scope] | None) -> str:
    if not needs:
        return description
    return f"{description} Needs {' or '.join(sorted(f'`{scope.value}`' for scope in needs))}."
