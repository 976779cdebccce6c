"""The schema against what frontends are promised."""

from pathlib import Path

from graphql import build_schema, find_breaking_changes, find_dangerous_changes

from schema.build import build, executable

CONTRACT = build_schema((Path(__file__).parent / "contract.graphql").read_text())


def test_nothing_of_what_was_promised_is_missing_or_different() -> None:
    assert find_breaking_changes(CONTRACT, executable(build())) == []


def test_nothing_was_added_that_a_careful_client_could_stumble_over() -> None:
    assert find_dangerous_changes(CONTRACT, executable(build())) == []
