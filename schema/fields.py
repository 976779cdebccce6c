"""How a type of the schema is written down: a field names what answers it, what it answers with, and what a caller needs to ask for it."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import strawberry
from graphql import GraphQLField
from strawberry.types.field import StrawberryField

from schema.costs import FREE, Cost
from schema.rules import Rule

T = TypeVar("T", bound=type)

# The keys of a field's metadata under which its rules and its cost stand, and whether its answer is the same for whoever holds a token.
RULES, COST, CONSTANT = "rules", "cost", "constant"


def described(cls: T) -> T:
    """An object type whose description is its docstring."""
    return strawberry.type(cls, description=inspect.getdoc(cls))


def field(resolver: Callable[..., Any], type: Any, *rules: Rule, cost: Cost = FREE, constant: bool = False) -> Any:
    """A field that a resolver answers, with a type of the schema; its docstring describes the field.

    `constant`: with the same arguments, it answers the same to everybody, for as long as the process lives. Clients may keep such answers.
    """
    metadata = {RULES: rules, COST: cost, CONSTANT: constant}
    return strawberry.field(resolver=resolver, graphql_type=type, description=described_with(summary(resolver), rules), metadata=metadata)


def subscription(resolver: Callable[..., Any], type: Any, *rules: Rule, cost: Cost = FREE) -> Any:
    """The same for a field that goes on answering."""
    told = described_with(summary(resolver), rules)
    return strawberry.subscription(resolver=resolver, graphql_type=type, description=told, metadata={RULES: rules, COST: cost})


def attribute(description: str, *rules: Rule, name: str | None = None, cost: Cost = FREE) -> Any:
    """A field that the domain object has under the same name."""
    return strawberry.field(description=described_with(description, rules), name=name, metadata={RULES: rules, COST: cost})


def declared(field: GraphQLField | None, name: str, otherwise: Any) -> Any:
    """What was declared under one of the metadata's keys at a field of the executable schema; else `otherwise`."""
    definition = field.extensions.get("strawberry-definition") if field else None
    return definition.metadata.get(name, otherwise) if isinstance(definition, StrawberryField) else otherwise


@dataclass(frozen=True, slots=True)
class Represents:
    """The `is_type_of` of a type whose values are objects of the domain: it looks at their class and at nothing else.

    `key`: the attribute by which values are known. Those with the same one are alike in all else, for as long as the process lives.
    """

    classes: tuple[type, ...]
    key: str | None = None

    def __call__(self, value: object, info: object) -> bool:
        """Whether the value is one of them."""
        return isinstance(value, self.classes)


def represents(*classes: type, key: str | None = None) -> Any:
    """What a type says of its values."""
    return Represents(classes, key)


def summary(resolver: Callable[..., Any]) -> str:
    """What a docstring says apart from `Raises:` and `Cost:`, on one line."""
    paragraphs = inspect.cleandoc(resolver.__doc__ or "").split("\n\n")
    return " ".join(" ".join(paragraph.split()) for paragraph in paragraphs if not paragraph.startswith(("Raises:", "Cost:")))


def described_with(description: str, rules: tuple[Rule, ...]) -> str:
    return " ".join([description, *(rule.description for rule in rules if rule.description)])
