"""Tests that the committed schema file matches the code, and that everything in the schema has a description."""

from collections.abc import Iterator
from pathlib import Path
from string import ascii_uppercase

from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType, build_schema, validate_schema

import domain
import schema
from schema.build import build, executable

COMMITTED = Path(schema.__file__).parent / "schema.graphql"


def descriptions() -> Iterator[tuple[str, str | None]]:
    """The name and the description of each type, enum value, field and argument of the schema."""
    for name, type in executable(build()).type_map.items():
        if name.startswith("__"):
            continue
        yield name, type.description
        if isinstance(type, GraphQLEnumType):
            yield from ((f"{name}.{value}", it.description) for value, it in type.values.items())
        if isinstance(type, GraphQLInputObjectType):
            yield from ((f"{name}.{field}", it.description) for field, it in type.fields.items())
        if isinstance(type, GraphQLObjectType | GraphQLInterfaceType):
            for field, it in type.fields.items():
                yield f"{name}.{field}", it.description
                yield from ((f"{name}.{field}({argument})", its.description) for argument, its in it.args.items())


def is_a_sentence(description: str | None) -> bool:
    text = description or " "
    return text == text.strip() and text[0] in f"`{ascii_uppercase}" and text[-1] in ".`"


def test_the_committed_schema_matches_the_code() -> None:
    assert COMMITTED.read_text() == build().as_str() + "\n"


def test_the_committed_schema_is_valid() -> None:
    assert validate_schema(build_schema(COMMITTED.read_text())) == []


def test_the_imported_package_schema_belongs_to_this_project() -> None:
    assert Path(schema.__file__).parent.parent == Path(domain.__file__).parent.parent


def test_building_the_schema_again_gives_the_same_schema() -> None:
    assert build().as_str() == build().as_str()


def test_every_type_field_argument_and_enum_value_is_described_in_a_sentence() -> None:
    described = dict(descriptions())

    assert len(described) > 250
    assert [element for element, description in described.items() if not is_a_sentence(description)] == []
