"""Tests that the enums of the schema have the values and descriptions of the enums in `domain/`."""

import pytest
from graphql import GraphQLEnumType

from domain.described import Described
from schema.build import build, executable
from schema.enums import NAMES

TYPES = executable(build()).type_map


@pytest.mark.parametrize(("enum", "name"), NAMES.items())
def test_an_enum_has_the_names_and_descriptions_of_the_domain(enum: type[Described], name: str) -> None:
    type = TYPES[name]

    assert isinstance(type, GraphQLEnumType)
    assert type.description == enum.__doc__
    assert {value: it.description for value, it in type.values.items()} == {member.name: member.meaning for member in enum}


def test_every_enum_of_the_schema_is_from_the_domain() -> None:
    assert {name for name, type in TYPES.items() if isinstance(type, GraphQLEnumType) and not name.startswith("__")} == {*NAMES.values()}
