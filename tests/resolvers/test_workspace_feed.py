"""Tests the subscription `verificationsUpdated`, which follows all verifications of a workspace."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from pymongo import MongoClient

from domain.instant import instant_text
from store.cursor import encode_watermark
from store.indexes import VERIFICATIONS
from tests.company import LINK_OPENED, Company
from tests.factories import VERIFIED_RESULT
from tests.serving import serving
from tests.storing import decode, encode
from tests.wire import Following, following

FEED = """
subscription($filter: VerificationFilter, $after: String) {
  verificationsUpdated(filter: $filter, after: $after) {
    cursor matches removedId verification { id version status reasons { code } attempts { id } }
  }
}
"""
# A selection without fields of other attempts, so that the gateway makes each message once for all subscribers.
SHARED_FEED = """
subscription($filter: VerificationFilter, $after: String) {
  verificationsUpdated(filter: $filter, after: $after) { cursor matches removedId verification { id version } }
}
"""
LIST = "query($filter: VerificationFilter) { verifications(filter: $filter, first: 100) { edges { node { id version status } } } }"

ANONYMIZE = "mutation($id: ID!) { anonymizeVerification(id: $id) { ... on Verification { id } } }"

Item = dict[str, Any]


def shown(item: Item) -> tuple[str, int]:
    return item["verification"]["id"], item["verification"]["version"]


async def until(updates: Following, id: str, version: int) -> list[Item]:
    """Receive items until one contains this version of this verification. Returns all received items.

    Some items may contain changes from just before the subscription: the response to a mutation can be faster than the change stream.
    """
    return await updates.until(lambda item: item["verification"] is not None and shown(item) == (id, version))


async def test_a_cursor_is_sent_first_then_each_change(company: Company) -> None:
    old = await company.created()

    async with following(company.gateway, company.token(), FEED) as updates:
        start = await updates.next()
        new = await company.created()
        received = [(await until(updates, new, 1))[-1]]
        await company.progress(old, LINK_OPENED)
        received.append(await updates.next())
        await company.result(new, "FAILED", "IDVV_2101")
        received.append(await updates.next())

    assert start["verification"] is None
    assert start["cursor"]
    assert [shown(item) for item in received] == [(new, 1), (old, 2), (new, 2)]
    assert received[-1]["verification"]["reasons"] == [{"code": "IDVV_2101"}]


async def test_a_list_read_after_the_first_cursor_and_the_feed_together_miss_nothing(company: Company) -> None:
    running = True

    async def write_until_stopped() -> None:
        while running:
            id = await company.created()
            await company.progress(id, LINK_OPENED)

    async def check_list_and_feed() -> None:
        rows: dict[str, int] = {}
        async with following(company.gateway, company.token(), FEED) as updates:
            await updates.next()
            for edge in (await company.ask(LIST))["verifications"]["edges"]:
                rows[edge["node"]["id"]] = edge["node"]["version"]
            kept = company.kept()
            last = await company.created()
            for item in await until(updates, last, 1):
                id, version = shown(item)
                rows[id] = max(version, rows.get(id, 0))
        assert all(rows.get(document["_id"], 0) >= document["version"] for document in kept)

    work = asyncio.create_task(write_until_stopped())
    try:
        for _ in range(3):
            await check_list_and_feed()
    finally:
        running = False
        await work


async def test_rows_that_stop_matching_are_sent_once_and_other_rows_never(company: Company) -> None:
    pending, other = await company.created(reference="ours"), await company.created(reference="theirs")
    filter = {"status": ["PENDING"], "reference": "ours"}

    async with following(company.gateway, company.token(), FEED, {"filter": filter}) as updates:
        await updates.next()
        await company.result(other, "VERIFIED")
        await company.result(pending, "FAILED", "IDVV_2101")
        [*_, left] = await until(updates, pending, 2)
        await company.result(pending, "VERIFIED")
        retry = (await company.retry(pending))["id"]
        last = await company.created(reference="ours")
        received = await until(updates, last, 1)

    assert (shown(left), left["verification"]["status"]) == ((pending, 2), "FAILED")
    assert list(map(shown, received)) == [(retry, 1), (last, 1)]


async def test_an_item_says_whether_its_row_matches_the_filter(company: Company) -> None:
    id = await company.created()

    async with (
        following(company.gateway, company.token(), SHARED_FEED, {"filter": {"status": ["PENDING"]}}) as pending,
        following(company.gateway, company.token(), SHARED_FEED, {"filter": {"status": ["FAILED"]}}) as failed,
        following(company.gateway, company.token(), SHARED_FEED) as all_rows,
    ):
        feeds = pending, failed, all_rows
        start = [await feed.next() for feed in feeds]
        await company.result(id, "FAILED", "IDVV_2101")
        live = [(await until(feed, id, 2))[-1] for feed in feeds]

    resumed = []
    for filter in ({"status": ["PENDING"]}, {"status": ["FAILED"]}, None):
        async with following(company.gateway, company.token(), FEED, {"filter": filter, "after": start[0]["cursor"]}) as updates:
            resumed.append((await until(updates, id, 2))[-1])

    assert [item["matches"] for item in start] == [None] * 3
    assert [item["matches"] for item in live] == [False, True, True]
    assert [item["matches"] for item in resumed] == [False, True, True]


async def test_rows_are_sent_when_they_begin_to_match(company: Company) -> None:
    id, other = await company.created(), await company.created()
    filters: list[dict[str, Any]] = [{"status": ["FAILED"]}, {"reasonCode": ["IDVV_2101"]}, {"reasonType": ["DOCUMENT_ISSUE"]}]

    async with (
        following(company.gateway, company.token(), FEED, {"filter": filters[0]}) as by_status,
        following(company.gateway, company.token(), FEED, {"filter": filters[1]}) as by_code,
        following(company.gateway, company.token(), FEED, {"filter": filters[2]}) as by_type,
    ):
        feeds = (by_status, by_code, by_type)
        for feed in feeds:
            await feed.next()
        await company.progress(id, LINK_OPENED)
        await company.result(other, "VERIFIED")
        await company.result(id, "FAILED", "IDVV_2101")

        assert [shown(await feed.next()) for feed in feeds] == [(id, 3)] * 3


async def test_a_filter_that_nothing_matches_receives_nothing(company: Company) -> None:
    filter = {"createdBefore": instant_text(datetime.now(UTC) - timedelta(days=1))}

    async with (
        following(company.gateway, company.token(), FEED, {"filter": filter}) as old,
        following(company.gateway, company.token(), FEED, {"filter": {"status": []}}) as none,
        following(company.gateway, company.token(), FEED, {"filter": {"firstAttemptsOnly": True}}) as first,
    ):
        for feed in (old, none, first):
            await feed.next()
        id = await company.created()
        await company.result(id, "FAILED", "IDVV_2101")
        await company.retry(id)
        last = await company.created()

        received = await until(first, last, 1)
        quiet = [asyncio.create_task(feed.response()) for feed in (old, none)]
        done, _ = await asyncio.wait(quiet, timeout=0.2)
        for task in quiet:
            task.cancel()
        await asyncio.gather(*quiet, return_exceptions=True)

    assert {shown(item)[0] for item in received} == {id, last}
    assert done == set()


async def test_a_subscriber_with_the_last_cursor_receives_all_changes_since(company: Company) -> None:
    pending, final = await company.created(), await company.created()
    async with following(company.gateway, company.token(), FEED) as updates:
        await updates.next()
        await company.progress(pending, LINK_OPENED)
        cursor = (await updates.next())["cursor"]
    await company.result(final, "VERIFIED")
    new = await company.created()

    async with following(company.gateway, company.token(), FEED, {"after": cursor}) as updates:
        first = await updates.next()
        caught_up = await until(updates, new, 1)
        await company.progress(new, LINK_OPENED)
        live = (await until(updates, new, 2))[-1]

    assert first == {"cursor": cursor, "verification": None, "matches": None, "removedId": None}
    assert {(final, 2), (new, 1)} <= {shown(item) for item in caught_up}
    assert live["cursor"]


async def test_rows_that_stopped_matching_without_a_subscriber_are_sent_on_resumption(company: Company) -> None:
    id = await company.created()
    async with following(company.gateway, company.token(), FEED, {"filter": {"status": ["PENDING"]}}) as updates:
        cursor = (await updates.next())["cursor"]
    await company.result(id, "VERIFIED")

    async with following(company.gateway, company.token(), FEED, {"filter": {"status": ["PENDING"]}, "after": cursor}) as updates:
        received = await until(updates, id, 2)

    assert received[-1]["verification"]["status"] == "VERIFIED"


async def test_resuming_repeatedly_misses_nothing(company: Company) -> None:
    ids = [await company.created() for _ in range(5)]
    states: dict[str, int] = {}
    cursor: str | None = None

    for step in range(5):
        async with following(company.gateway, company.token(), FEED, {"after": cursor}) as updates:
            cursor = (await updates.next())["cursor"]
            await company.progress(ids[step], LINK_OPENED)
            for item in await until(updates, ids[step], 2):
                states.update([shown(item)])
                cursor = item["cursor"]
        await company.result(ids[step], "VERIFIED")
    last = await company.created()
    async with following(company.gateway, company.token(), FEED, {"after": cursor}) as updates:
        await updates.next()
        states.update(map(shown, await until(updates, last, 1)))

    assert states == {**dict.fromkeys(ids, 3), last: 1}


async def test_the_other_attempts_of_a_row_are_read_again_for_each_item(company: Company) -> None:
    first = await company.created()
    await company.result(first, "FAILED", "IDVV_2101")

    async with following(company.gateway, company.token(), FEED) as updates:
        await updates.next()
        received: dict[tuple[str, int], list[dict[str, str]]] = {}
        second = (await company.retry(first))["id"]
        while not {(first, 3), (second, 1)} <= received.keys():
            item = await updates.next()
            received[shown(item)] = item["verification"]["attempts"]
        await company.result(second, "FAILED", "IDVV_2101")
        await updates.next()
        third = (await company.retry(second))["id"]
        for item in (await updates.next(), await updates.next()):
            received[shown(item)] = item["verification"]["attempts"]

    assert [attempt["id"] for attempt in received[first, 3]] == [first, second]
    assert [attempt["id"] for attempt in received[second, 3]] == [first, second, third]
    assert [attempt["id"] for attempt in received[third, 1]] == [first, second, third]


async def test_another_company_receives_nothing(company: Company, stranger: Company) -> None:
    async with following(stranger.gateway, stranger.token(), FEED) as updates:
        cursor = (await updates.next())["cursor"]
        id = await company.created()
        await company.result(id, "FAILED", "IDVV_2101")
        await company.retry(id)
        own = await stranger.created()
        live = await updates.next()

    async with following(stranger.gateway, stranger.token(), FEED, {"after": cursor}) as updates:
        await updates.next()
        caught_up = await updates.next()

    assert shown(live) == shown(caught_up) == (own, 1)


async def test_a_write_that_was_under_way_for_minutes_is_sent_on_resumption(company: Company) -> None:
    id = await company.created()
    async with following(company.gateway, company.token(), FEED, {"filter": {"status": ["PENDING"]}}) as updates:
        await updates.next()
    # The change below has an `updatedAt` two minutes before the cursor. That is more than the margin that the feed allows for differing clocks, so
    # the feed can find the change only by its `storedAt`.
    cursor = encode_watermark(datetime.now(UTC))
    stored = company.collection.find_one({"_id": id})
    assert stored
    held = decode(stored)
    late = replace(held, updated_at=held.updated_at - timedelta(minutes=3)).concluded(VERIFIED_RESULT, datetime.now(UTC) - timedelta(minutes=2))
    company.collection.replace_one({"_id": id}, encode(late))

    async with following(company.gateway, company.token(), FEED, {"filter": {"status": ["PENDING"]}, "after": cursor}) as updates:
        received = await until(updates, id, 2)

    assert (received[-1]["verification"]["status"], received[-1]["matches"]) == ("VERIFIED", False)


async def test_no_state_is_sent_twice_after_a_resumption(company: Company) -> None:
    async with following(company.gateway, company.token(), FEED) as updates:
        cursor = (await updates.next())["cursor"]
    running = True

    async def write_until_stopped() -> None:
        while running:
            await company.progress(await company.created(), LINK_OPENED)

    async def check_one_resumption() -> None:
        async with following(company.gateway, company.token(), FEED, {"after": cursor}) as updates:
            received = [await updates.next() for _ in range(30)]
            received += await until(updates, await company.created(), 1)
        states = [shown(item) for item in received if item["verification"]]
        assert sorted(states) == sorted({*states})

    work = [asyncio.create_task(write_until_stopped()) for _ in range(5)]
    try:
        await asyncio.sleep(0.2)
        for _ in range(5):
            await check_one_resumption()
    finally:
        running = False
        await asyncio.gather(*work)


async def test_a_cursor_that_is_too_old_is_refused_as_lagged(database_uri: str) -> None:
    async with serving(database_uri, feed_resume_seconds=60) as gateway:
        now = datetime.now(UTC)
        outcomes = []
        for seconds in (30, 90):
            cursor = encode_watermark(now - timedelta(seconds=seconds))
            async with following(gateway, gateway.token(), FEED, {"after": cursor}) as updates:
                if seconds == 30:
                    outcomes.append((await updates.next())["cursor"] == cursor)
                else:
                    outcomes.append([error["extensions"]["code"] for error in await updates.errors()])

    assert outcomes == [True, ["LAGGED"]]


async def test_a_removed_verification_is_reported_to_connected_and_to_resuming_feeds(database_uri: str, mongo: MongoClient[Any]) -> None:
    async with serving(database_uri, remove_seconds=0.01, sweep_seconds=0.05) as gateway:
        collection = mongo[urlsplit(database_uri).path[1:]][VERIFICATIONS]
        company, stranger = Company(gateway, collection), Company(gateway, collection)
        id = await company.created()
        await company.result(id, "FAILED", "IDVV_2101")
        pending = {"filter": {"status": ["PENDING"]}}
        async with (
            following(gateway, company.token(), SHARED_FEED, pending) as live,
            following(gateway, stranger.token(), SHARED_FEED) as theirs,
        ):
            cursor = (await live.next())["cursor"]
            foreign_cursor = (await theirs.next())["cursor"]
            await company.ask(ANONYMIZE, {"id": id})
            removed = (await live.until(lambda item: item["removedId"] is not None))[-1]
            own = await stranger.created()
            received_by_others = await until(theirs, own, 1)
        found = (await company.ask("query($id: ID!) { verification(id: $id) { id } }", {"id": id}))["verification"]

        async with following(gateway, company.token(), SHARED_FEED, {**pending, "after": cursor}) as resumed:
            again = (await resumed.until(lambda item: item["removedId"] is not None))[-1]
        async with following(gateway, stranger.token(), SHARED_FEED, {"after": foreign_cursor}) as resumed:
            received_by_others += await until(resumed, own, 1)

    assert removed | {"cursor": None} == {"cursor": None, "matches": None, "removedId": id, "verification": None}
    assert again == removed | {"cursor": cursor}
    assert found is None
    assert all(item["removedId"] is None for item in received_by_others)


@pytest.mark.parametrize("later", [timedelta(minutes=2), timedelta(hours=1), timedelta(days=400), timedelta(days=365 * 7900)])
async def test_a_cursor_in_the_future_is_refused(company: Company, later: timedelta) -> None:
    async with following(company.gateway, company.token(), FEED, {"after": encode_watermark(datetime.now(UTC) + later)}) as updates:
        errors = await updates.errors()

    assert [error["extensions"] for error in errors] == [{"code": "BAD_USER_INPUT"}]
    assert "after is later than now" in errors[0]["message"]


async def test_a_cursor_of_a_process_that_is_slightly_ahead_is_accepted_and_misses_nothing(company: Company) -> None:
    id = await company.created()

    cursor = encode_watermark(datetime.now(UTC) + timedelta(seconds=30))
    async with following(company.gateway, company.token(), FEED, {"after": cursor}) as updates:
        received = await until(updates, id, 1)

    assert received[0]["cursor"] == cursor
