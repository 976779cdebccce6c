"""Functions that declare the types and fields of the schema. A field declares its resolver, its type, its rules (schema/rules.py) and its cost."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import strawberry
from graphql import GraphQLField
from strawberry.types.field import StrawberryField

from schema.costs import FREE, Cost
from schema.rules import AccessRule

T = TypeVar("T", bound=type)

# The keys of a field's metadata: its rules, its cost, and whether its value is the same for every caller.
RULES, COST, CONSTANT = "rules", "cost", "constant"


def described_type(cls: T) -> T:
    """Declares a class as a GraphQL object type. The docstring of the class becomes the description of the type."""
    return strawberry.type(cls, description=inspect.getdoc(cls))


def field(resolver: Callable[..., Any], type: Any, *rules: AccessRule, cost: Cost = FREE, constant: bool = False) -> Any:
    """Declares a field with a resolver. The docstring of the resolver becomes the description of the field.

    `constant`: with the same arguments, the field has the same value for every caller until the process ends. Clients may cache the value.
    """
    metadata = {RULES: rules, COST: cost, CONSTANT: constant}
    return strawberry.field(resolver=resolver, graphql_type=type, description=described_with(summary(resolver), rules), metadata=metadata)


def subscription(resolver: Callable[..., Any], type: Any, *rules: AccessRule, cost: Cost = FREE) -> Any:
    """Declares a field of the subscription root. Its resolver is an async generator.

    The summary of the resolver's docstring and the rules become the description.
    """
    description = described_with(summary(resolver), rules)
    return strawberry.subscription(resolver=resolver, graphql_type=type, description=description, metadata={RULES: rules, COST: cost})


def attribute(description: str, *rules: AccessRule, name: str | None = None, cost: Cost = FREE) -> Any:
    """Declares a field without a resolver. The field has the value of the domain object's attribute with the same name.

    `name`: the name of the field in GraphQL, if it is not the name of the attribute in camel case.
    """
    return strawberry.field(description=described_with(description, rules), name=name, metadata={RULES: rules, COST: cost})


def declared(field: GraphQLField | None, name: str, otherwise: Any) -> Any:
    """What a field of the executable schema declares under the key `name` (RULES, COST or CONSTANT); `otherwise` if it declares nothing."""
    definition = field.extensions.get("strawberry-definition") if field else None
    return definition.metadata.get(name, otherwise) if isinstance(definition, StrawberryField) else otherwise


@dataclass(frozen=True, slots=True)
class Represents:
    """A function `is_type_of` for a GraphQL type: whether a value is an instance of the given classes.

    It must look at nothing but the value's class, because the compiler reads `classes`, and does not call this function for objects of these classes.

    `key`: the name of an attribute that identifies a value, or None. Compiled plans cache the response for a value under the value of this attribute.
    So set `key` only if two values that are equal in this attribute are equal in all other attributes, for as long as the process runs.
    """

    classes: tuple[type, ...]
    key: str | None = None

    def __call__(self, value: object, info: object) -> bool:
        """Whether the value is an instance of one of the classes."""
        return isinstance(value, self.classes)


def represents(*classes: type, key: str | None = None) -> Any:
    """Declares that the values of a type are instances of these classes. Assign the result to `is_type_of` in the type. See `Represents`."""
    return Represents(classes, key)


def summary(resolver: Callable[..., Any]) -> str:
    """The docstring of a resolver on one line, as a description for the schema. The paragraphs `Raises:` and `Cost:` are left out."""
    paragraphs = inspect.cleandoc(resolver.__doc__ or "").split("\n\n")
    return " ".join(" ".join(paragraph.split()) for paragraph in paragraphs if not paragraph.startswith(("Raises:", "Cost:")))


def described_with(description: str, rules: tuple[AccessRule, ...]) -> str:
    """The description of a field, followed by the descriptions of its rules."""
    return " ".join([description, *(rule.description for rule in rules if rule.description)])
