"""Declares types and fields of the schema: a field names its resolver, its type, its rules and its cost."""

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

# The keys of a field's metadata: its rules, its cost, and whether its value is the same for every caller.
RULES, COST, CONSTANT = "rules", "cost", "constant"


def described(cls: T) -> T:
    """An object type whose description is its docstring."""
    return strawberry.type(cls, description=inspect.getdoc(cls))


def field(resolver: Callable[..., Any], type: Any, *rules: Rule, cost: Cost = FREE, constant: bool = False) -> Any:
    """A field with a resolver, whose docstring describes the field.

    `constant`: with the same arguments, the field has the same value for every caller, as long as the process lives. Clients may cache it.
    """
    metadata = {RULES: rules, COST: cost, CONSTANT: constant}
    return strawberry.field(resolver=resolver, graphql_type=type, description=described_with(summary(resolver), rules), metadata=metadata)


def subscription(resolver: Callable[..., Any], type: Any, *rules: Rule, cost: Cost = FREE) -> Any:
    """A field of the subscription root, whose resolver is an async generator."""
    description = described_with(summary(resolver), rules)
    return strawberry.subscription(resolver=resolver, graphql_type=type, description=description, metadata={RULES: rules, COST: cost})


def attribute(description: str, *rules: Rule, name: str | None = None, cost: Cost = FREE) -> Any:
    """A field whose value is the domain object's attribute of the same name."""
    return strawberry.field(description=described_with(description, rules), name=name, metadata={RULES: rules, COST: cost})


def declared(field: GraphQLField | None, name: str, otherwise: Any) -> Any:
    """The metadata that a field of the executable schema declares under a key; `otherwise` if it declares none."""
    definition = field.extensions.get("strawberry-definition") if field else None
    return definition.metadata.get(name, otherwise) if isinstance(definition, StrawberryField) else otherwise


@dataclass(frozen=True, slots=True)
class Represents:
    """The `is_type_of` of a type whose values are domain objects: it checks only their class.

    `key`: the attribute that identifies a value. Values with the same key are equal in all other attributes, as long as the process lives.
    """

    classes: tuple[type, ...]
    key: str | None = None

    def __call__(self, value: object, info: object) -> bool:
        """Whether the value is an instance of one of the classes."""
        return isinstance(value, self.classes)


def represents(*classes: type, key: str | None = None) -> Any:
    """The `is_type_of` for a type whose values are instances of these classes. See `Represents`."""
    return Represents(classes, key)


def summary(resolver: Callable[..., Any]) -> str:
    """The docstring of a resolver on one line, without the paragraphs `Raises:` and `Cost:`."""
    paragraphs = inspect.cleandoc(resolver.__doc__ or "").split("\n\n")
    return " ".join(" ".join(paragraph.split()) for paragraph in paragraphs if not paragraph.startswith(("Raises:", "Cost:")))


def described_with(description: str, rules: tuple[Rule, ...]) -> str:
    return " ".join([description, *(rule.description for rule in rules if rule.description)])
