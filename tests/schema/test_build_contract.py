"""Tests that the schema has no change that could break frontends, compared with `contract.graphql`, the schema that they rely on."""

from pathlib import Path

from graphql import build_schema, find_breaking_changes, find_dangerous_changes

from schema.build import build, executable

CONTRACT = build_schema((Path(__file__).parent / "contract.graphql").read_text())
# Changes that could break frontends, but were made on purpose. Without the event PROVIDER_LOST, the integrator would not see that the provider has
# lost a verification, and that the integrator must close it. The argument is optional: operations that do not use it get the same response.
DECIDED = ["Enum value EventType.PROVIDER_LOST was added.", "An optional argument Query.webhookDeliveries(verificationId:) was added."]


def test_the_schema_has_no_breaking_changes() -> None:
    assert find_breaking_changes(CONTRACT, executable(build())) == []


def test_the_schema_has_no_dangerous_changes_except_the_ones_that_were_decided() -> None:
    assert [change.description for change in find_dangerous_changes(CONTRACT, executable(build()))] == DECIDED
