"""Tests the scalar `DateTime` with requests to the API."""

import pytest

from tests.company import Company

LIST = "query($filter: VerificationFilter) { verifications(filter: $filter) { edges { node { id } } } }"
WITHOUT_ZONE = ["2026-01-31T12:00:00", "2026-01-31", "2026-01-31T12:00:00.123", "now", "", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00"]


@pytest.mark.parametrize("text", WITHOUT_ZONE)
async def test_an_instant_without_a_time_zone_is_refused(company: Company, text: str) -> None:
    literal = await company.answer(f'{{ verifications(filter: {{ createdAfter: "{text}" }}) {{ totalCount }} }}')
    inside = await company.answer(LIST, {"filter": {"createdBefore": text}})
    alone = await company.answer("query($at: DateTime) { verifications(filter: { createdAfter: $at }) { totalCount } }", {"at": text})

    for answer in (literal, inside, alone):
        assert "data" not in answer
        [error] = answer["errors"]
        assert error["extensions"] == {"code": "BAD_USER_INPUT"}
        assert "with a time zone" in error["message"]


@pytest.mark.parametrize("value", [1, 1.5, True, {}, ["2026-01-31"]])
async def test_an_instant_that_is_not_a_string_is_refused(company: Company, value: object) -> None:
    answer = await company.answer(LIST, {"filter": {"createdAfter": value}})

    assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"]


async def test_an_instant_is_returned_in_utc(company: Company) -> None:
    id = await company.created()

    found = await company.ask("query($id: ID!) { verification(id: $id) { createdAt expiresAt } }", {"id": id})

    assert all(text.endswith("+00:00") for text in found["verification"].values())
