"""Tests that a client which applies the items of `verificationsUpdated` shows exactly the filtered list, also after it was disconnected."""

import random
from contextlib import suppress
from typing import Any

import pytest

from tests.company import CAPTURE_COMPLETED, CAPTURE_STARTED, LINK_OPENED, Company
from tests.wire import Following, following

FEED = """
subscription($filter: VerificationFilter, $after: String) {
  verificationsUpdated(filter: $filter, after: $after) { cursor verification { ...Row } }
}
"""
LIST = "query($filter: VerificationFilter) { verifications(filter: $filter, first: 100) { edges { node { ...Row } } } }"
ROW = " fragment Row on Verification { id version status phase completedAt events { type } reasons { code } }"

Row = dict[str, Any]
FILTERS: list[dict[str, Any]] = [
    {"phase": ["IN_SESSION", "CAPTURING"]},
    {"phase": ["PROCESSING"]},
    {"hasIgnoredResults": False, "status": ["VERIFIED", "FAILED"]},
    {"hasIgnoredResults": True},
    {"completedAfter": "2000-01-01T00:00:00Z", "reasonCode": ["IDVV_2101"]},
]


def matches(filter: dict[str, Any], row: Row) -> bool:
    """Whether a row matches this filter, which is one of FILTERS. Compares only values that the client has received in the row."""
    ignored = any(event["type"] == "RESULT_IGNORED" for event in row["events"])
    return (
        row["phase"] in filter.get("phase", [row["phase"]])
        and row["status"] in filter.get("status", [row["status"]])
        and filter.get("hasIgnoredResults", ignored) is ignored
        and ("completedAfter" not in filter or row["completedAt"] is not None)
        and ("reasonCode" not in filter or any(reason["code"] in filter["reasonCode"] for reason in row["reasons"]))
    )


class Client:
    """A client that shows a filtered list, and applies the items of the feed to it."""

    def __init__(self, company: Company, filter: dict[str, Any]) -> None:
        self.company = company
        self.filter = filter
        self.rows: dict[str, Row] = {}
        self.cursor: str | None = None

    async def read(self) -> dict[str, Row]:
        """Read the filtered list. Returns its rows by their ids."""
        data = await self.company.ask(LIST + ROW, {"filter": self.filter})
        return {edge["node"]["id"]: edge["node"] for edge in data["verifications"]["edges"]}

    def apply(self, item: Row) -> None:
        """Apply an item: show its row if the row matches the filter, and remove it otherwise. Ignore a version older than the shown one."""
        self.cursor, row = item["cursor"], item["verification"]
        if row and row["version"] >= self.rows.get(row["id"], {"version": 0})["version"]:
            self.rows[row["id"]] = row
            if not matches(self.filter, row):
                del self.rows[row["id"]]

    async def apply_until(self, updates: Following, expected: dict[str, Row]) -> None:
        """Apply items until the client shows the expected rows. The test fails with a time-out if it never does."""
        while self.rows != expected:
            self.apply(await updates.next())


async def act(company: Company, chance: random.Random, ids: list[str]) -> None:
    """Change some verifications at random, and create some."""
    for _ in range(12):
        with suppress(IndexError):
            id = chance.choice(ids)
            match chance.randrange(3):
                case 0:
                    await company.progress(id, chance.choice([LINK_OPENED, CAPTURE_STARTED, CAPTURE_COMPLETED]))
                case 1:
                    await company.result(id, *chance.choice([("VERIFIED",), ("FAILED", "IDVV_2101"), ("INCONCLUSIVE", "IDVV_1314")]))
        if chance.random() < 0.3:
            ids.append(await company.created())


@pytest.mark.parametrize("filter", FILTERS, ids=str)
async def test_a_client_that_applies_the_feed_shows_what_a_new_list_contains(company: Company, filter: dict[str, Any]) -> None:
    chance, client = random.Random(41), Client(company, filter)
    ids = [await company.created() for _ in range(4)]
    await act(company, chance, ids)

    async with following(company.gateway, company.token(), FEED + ROW, {"filter": filter}) as updates:
        client.apply(await updates.next())
        client.rows = await client.read()
        for _ in range(3):
            await act(company, chance, ids)
            await client.apply_until(updates, await client.read())
    for _ in range(2):
        await act(company, chance, ids)
        async with following(company.gateway, company.token(), FEED + ROW, {"filter": filter, "after": client.cursor}) as updates:
            await client.apply_until(updates, await client.read())

    assert client.rows == await client.read()
