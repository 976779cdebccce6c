"""Tests the scalar `DateTime` with requests to the API."""

import re
from datetime import datetime

import pytest

from domain.caller import Scope
from tests.company import Company

LIST = "query($filter: VerificationFilter) { verifications(filter: $filter) { edges { node { id } } } }"
FORM = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z")
# One text of each kind that is refused. tests/domain/instants/test_instant.py has many more.
REFUSED = [
    *("2026-01-31T12:00:00", "2026-01-31", "now", "", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "2026-W05-6T12:00:00Z", "2026-01-31T13Z"),
    *("2026-01-31T12:00:00-03", "2026-01-31T12:00:00+03:30:15", "2026-01-31 12:00:00Z", "2026-01-31x12:00:00Z"),
]


@pytest.mark.parametrize("text", REFUSED)
async def test_a_text_that_is_not_a_date_time_is_refused(company: Company, text: str) -> None:
    literal = await company.answer(f'{{ verifications(filter: {{ createdAfter: "{text}" }}) {{ totalCount }} }}')
    inside = await company.answer(LIST, {"filter": {"createdBefore": text}})
    alone = await company.answer("query($at: DateTime) { verifications(filter: { createdAfter: $at }) { totalCount } }", {"at": text})

    for answer in (literal, inside, alone):
        assert "data" not in answer
        [error] = answer["errors"]
        assert error["extensions"] == {"code": "BAD_USER_INPUT"}
        assert "as in RFC 3339, to the millisecond" in error["message"]
        assert error["locations"]


@pytest.mark.parametrize("value", [1, 1.5, True, {}, ["2026-01-31"]])
async def test_an_instant_that_is_not_a_string_is_refused(company: Company, value: object) -> None:
    answer = await company.answer(LIST, {"filter": {"createdAfter": value}})

    assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"]


@pytest.mark.parametrize("literal", ["1", "1.5", "true", "{}", '["2026-01-31T12:00:00Z"]', "NOW", "9" * 5000])
async def test_a_literal_that_is_not_a_string_is_refused_with_its_location(company: Company, literal: str) -> None:
    answer = await company.answer(f"{{ verifications(filter: {{ createdAfter: {literal} }}) {{ totalCount }} }}")

    [error] = answer["errors"]
    assert (error["locations"], error["extensions"]) == ([{"line": 1, "column": 41}], {"code": "BAD_USER_INPUT"})


@pytest.mark.parametrize("text", ["2026-01-31t12:00:00z", "2026-01-31T12:00:00.123+05:30", "2026-01-31T12:00:00.123000+00:00"])
async def test_a_date_time_of_rfc_3339_is_accepted(company: Company, text: str) -> None:
    literal = await company.answer(f'{{ verifications(filter: {{ createdAfter: "{text}" }}) {{ totalCount }} }}')
    variable = await company.answer(LIST, {"filter": {"createdAfter": text}})

    assert "errors" not in literal
    assert "errors" not in variable


async def test_all_instants_are_returned_in_one_form(company: Company) -> None:
    id = await company.created()
    await company.result(id, "VERIFIED")
    instants = "createdAt updatedAt expiresAt openedAt linkExpiresAt completedAt anonymizedAt"
    query = "query($id: ID!) { verification(id: $id) { INSTANTS events { at } } me { expiresAt } verifications { edges { node { INSTANTS } } } }"

    found = await company.ask(query.replace("INSTANTS", instants), {"id": id}, company.token(Scope.READ))

    rows = [edge["node"] for edge in found["verifications"]["edges"]]
    events = found["verification"].pop("events")
    values = [value for each in (found["verification"], found["me"], *rows, *events) for value in each.values() if value is not None]
    assert len(values) == 11
    assert all(FORM.fullmatch(value) for value in values), values


async def test_an_instant_that_was_returned_can_be_sent_back(company: Company) -> None:
    first, second = await company.created(), await company.created()
    query = "query($filter: VerificationFilter) { verifications(filter: $filter, orderBy: CREATED_OLDEST) { edges { node { id createdAt } } } }"
    rows = [edge["node"] for edge in (await company.ask(query))["verifications"]["edges"]]

    after = await company.ask(query, {"filter": {"createdAfter": rows[0]["createdAt"]}})
    with_python = {"createdAfter": datetime.fromisoformat(rows[0]["createdAt"]).isoformat()}

    assert [row["id"] for row in rows] == [first, second]
    assert [edge["node"] for edge in after["verifications"]["edges"]] == [row for row in rows if row["createdAt"] >= rows[0]["createdAt"]]
    assert await company.ask(query, {"filter": with_python}) == after
