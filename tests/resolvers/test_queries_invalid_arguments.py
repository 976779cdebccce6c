"""Tests that queries and the feed refuse invalid arguments: page sizes, cursors, filters and versions."""

import base64
from typing import Any

import pytest

from tests.company import Company
from tests.wire import following

LIST = """
query($orderBy: VerificationOrder! = CREATED_NEWEST, $first: Int, $after: String, $last: Int, $before: String) {
  verifications(orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) { edges { cursor } }
}
"""
FEED = "subscription($after: String) { verificationsUpdated(after: $after) { cursor } }"


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


BAD_CURSORS = (
    "",
    "x",
    "☃",
    "=====",
    encoded(""),
    encoded("CREATED_NEWEST"),
    encoded("CREATED_NEWEST:1:"),
    encoded("CREATED_NEWEST:-1:ver_0"),
    encoded("CREATED_NEWEST:1.5:ver_0"),
    encoded("CREATED_NEWEST:999999999999999999:ver_0"),
    encoded('CREATED_NEWEST:1:{"$gt":""}'),
    encoded("CREATED_OLDEST:1:ver_0"),
    encoded("feed:1"),
    "x" * 10_000,
)
BAD_PAGES: list[dict[str, Any]] = [
    {"first": 1, "last": 1},
    *({end: rows} for end in ("first", "last") for rows in (0, -1, 101, 2**31 - 1, -(2**31))),
    *({place: cursor} for place in ("after", "before") for cursor in BAD_CURSORS),
]


async def refused(company: Company, query: str, variables: dict[str, Any]) -> dict[str, Any]:
    """Send a query that the gateway must refuse. Returns its error, after checking that it is the only one and that there is no data."""
    response = await company.gateway.post(query, variables, company.token())
    assert response.status_code == 200
    assert response.json()["data"] is None
    [error] = response.json()["errors"]
    answer: dict[str, Any] = error
    return answer


async def test_invalid_page_arguments_are_refused(company: Company) -> None:
    for variables in BAD_PAGES:
        error = await refused(company, LIST, variables)

        assert (error["path"], error["extensions"]) == (["verifications"], {"code": "BAD_USER_INPUT"}), variables
        assert error["message"].startswith(next(iter(variables))), variables


@pytest.mark.parametrize("other", ["CREATED_OLDEST", "UPDATED_NEWEST", "UPDATED_OLDEST"])
async def test_a_cursor_of_another_order_is_refused(company: Company, other: str) -> None:
    await company.created()
    [edge] = (await company.ask(LIST, {}))["verifications"]["edges"]

    error = await refused(company, LIST, {"after": edge["cursor"], "orderBy": other})

    assert error["extensions"] == {"code": "BAD_USER_INPUT"}


async def test_a_filter_with_more_than_fifty_codes_is_refused(company: Company) -> None:
    feed = "subscription($filter: VerificationFilter) { verificationsUpdated(filter: $filter) { cursor } }"
    fields = ("verifications(filter: $filter) { totalCount }", "verificationStats(filter: $filter) { total }")
    allowed, refused_filter = ({"filter": {"reasonCode": [f"NEW_{number}" for number in range(count)]}} for count in (50, 51))

    for field in fields:
        query = f"query($filter: VerificationFilter) {{ {field} }}"
        assert (await refused(company, query, refused_filter))["extensions"] == {"code": "BAD_USER_INPUT"}
        assert await company.ask(query, allowed)
    async with following(company.gateway, company.token(), feed, refused_filter) as updates:
        assert [error["extensions"] for error in await updates.errors()] == [{"code": "BAD_USER_INPUT"}]


async def test_a_negative_version_is_refused(company: Company) -> None:
    id = await company.created()
    query = "query($id: ID!) { verification(id: $id) { events(after: -1) { version } } }"

    answer = await company.answer(query, {"id": id})

    assert answer["data"] == {"verification": None}
    assert [(error["path"], error["extensions"]["code"]) for error in answer["errors"]] == [(["verification", "events"], "BAD_USER_INPUT")]
    assert await company.ask(query.replace("-1", "100"), {"id": id}) == {"verification": {"events": []}}


BAD_FEED_CURSORS = ["", "x", *map(encoded, ("feed:", "feed:x", "feed:-1", "feed:" + "9" * 15, "CREATED_NEWEST:1:ver_0"))]


@pytest.mark.parametrize("cursor", BAD_FEED_CURSORS)
async def test_a_feed_resumes_only_from_its_own_cursors(company: Company, cursor: str) -> None:
    async with following(company.gateway, company.token(), FEED, {"after": cursor}) as updates:
        [error] = await updates.errors()

    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
