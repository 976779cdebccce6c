"""Tests that the schema has no change that could break frontends, compared with `contract.graphql`, the schema that they rely on."""

from pathlib import Path

from graphql import build_schema, find_breaking_changes, find_dangerous_changes

from schema.build import build, executable

CONTRACT = build_schema((Path(__file__).parent / "contract.graphql").read_text())
# Without an event, the integrator would not see that the provider has lost a verification, and that it must close the verification.
DECIDED = ["Enum value EventType.PROVIDER_LOST was added."]


def test_the_schema_has_no_breaking_changes() -> None:
    assert find_breaking_changes(CONTRACT, executable(build())) == []


def test_the_schema_has_no_dangerous_changes_except_the_ones_that_were_decided() -> None:
    assert [change.description for change in find_dangerous_changes(CONTRACT, executable(build()))] == DECIDED
