"""Tests which attributes of verifications are read from the database for the selected fields."""

import pytest
from graphql import GraphQLObjectType

from domain.verification import Verification
from resolvers.reading import attributes
from schema.build import build, executable

TYPE = executable(build()).type_map["Verification"]
assert isinstance(TYPE, GraphQLObjectType)


@pytest.mark.parametrize("field", TYPE.fields)
def test_every_field_of_a_verification_needs_attributes_that_exist(field: str) -> None:
    needed = attributes(frozenset({("Verification", field)}))

    assert needed
    assert all(hasattr(Verification, attribute) for attribute in needed)


def test_fields_of_several_selections_are_read_together() -> None:
    assert attributes(frozenset({("Verification", "canRetry"), ("Verification", "workspaceId")})) == {"can_retry", "workspace"}


def test_fields_of_other_types_need_no_attributes() -> None:
    assert attributes(frozenset({("VerificationEvent", "version"), ("ReasonCode", "code")})) == frozenset()
