"""Tests the functions that declare types and fields of the schema."""

from dataclasses import dataclass

from graphql import GraphQLField, GraphQLInt

from domain.caller import Caller, Scope
from schema.build import build, executable
from schema.costs import FREE, Cost
from schema.fields import CONSTANT, COST, RULES, declared, described_with, represents, summary
from schema.rules import ANYONE, READ, SENSITIVE


@dataclass
class Animal:
    """A class whose instances are the values of a GraphQL type in these tests."""


class Dog(Animal):
    """A subclass, for testing that its instances are also values of the type."""


def resolver() -> None:
    """Do something
    on two lines.

    A second paragraph, which is part of the description.

    Cost: one query.

    Raises: NotFound,
    InvalidInput.
    """


def test_the_description_is_the_docstring_on_one_line_without_costs_and_errors() -> None:
    assert summary(resolver) == "Do something on two lines. A second paragraph, which is part of the description."


def test_a_resolver_without_a_docstring_has_an_empty_description() -> None:
    assert summary(lambda: None) == ""


def test_the_descriptions_of_the_rules_follow_the_description_of_a_field() -> None:
    assert described_with("The names.", (READ, ANYONE, SENSITIVE)) == f"The names. {READ.description} {SENSITIVE.description}"


def test_the_declarations_are_found_at_a_field_of_the_executable_schema() -> None:
    query = executable(build()).query_type
    assert query
    field = query.fields["reasonCodes"]

    assert declared(field, RULES, ()) == (ANYONE,)
    assert declared(field, COST, FREE) == Cost(10)
    assert declared(field, CONSTANT, False) is True


def test_a_field_without_declarations_has_the_default() -> None:
    assert declared(None, COST, FREE) is FREE
    assert declared(GraphQLField(GraphQLInt), COST, FREE) is FREE


def test_a_type_represents_the_instances_of_its_classes_only() -> None:
    animal = represents(Animal, key="name")

    assert animal(Dog(), None)
    assert not animal(Caller("someone", "acme", frozenset({Scope.READ})), None)
    assert animal.key == "name"
