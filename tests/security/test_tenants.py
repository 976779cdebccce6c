"""Companies at one gateway: what one of them asks with another's ids and cursors, and what it then learns. Cases S01, S02, S03 and S27."""

import asyncio
import re
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo import MongoClient

from domain.caller import Scope
from store.indexes import VERIFICATIONS
from tests.commands import Commands
from tests.company import PERSON, Company
from tests.gateway.test_identity import OPERATIONS, WITH_AN_ID, variables, without
from tests.security.connections import answers
from tests.security.transports import (
    EVENT_STREAM,
    FOR_SUBSCRIPTIONS,
    Request,
    Transport,
    asking,
    by_post,
    by_socket,
    by_stream,
    codes,
    told,
    transports_of,
)
from tests.serving import Gateway, serving
from tests.wire import Following, following, wired

ABSENT = "ver_" + "1" * 32
WAYS = [(name, way) for name in WITH_AN_ID for way in transports_of(OPERATIONS[name])]


# S01: the ids of another company.


@pytest.mark.parametrize(("name", "way"), WAYS)
async def test_anothers_id_answers_exactly_as_one_that_does_not_exist(company: Company, stranger: Company, name: str, way: str) -> None:
    pending, failed = await company.created(), await company.created()
    await company.result(failed, "FAILED", "IDVV_2101")
    token, query, before = stranger.token(*Scope), OPERATIONS[name], company.kept()

    heard = set()
    for id in (ABSENT, pending, failed):
        for after in (None, 0, 1, 100) if "$after" in query else (None,):
            request = asking(query, variables(query, id=id, after=after))
            heard.add(without(id, await transports_of(query)[way](stranger.gateway, token, request)))

    assert len(heard) == 1, heard
    assert company.kept() == before
    assert stranger.kept() == []


# S02: ids that nobody made.

TEXTS = st.text(max_size=100)
FORGED = st.one_of(
    TEXTS,
    TEXTS.map(lambda text: f"ver_{text}"),
    st.text("0123456789abcdefABCDEF", min_size=30, max_size=34).map(lambda text: f"ver_{text}"),
    st.builds(lambda type, id: b64encode(f"{type}:{id}".encode()).decode(), st.sampled_from(["Verification", "Workspace", "acme", ""]), TEXTS),
    st.sampled_from(["$ne", "$where", '{"$ne": null}', "ver_\0", "../../etc/passwd", "' || '1' == '1", "%00", "ver_" + "é" * 32, "x" * 10_000]),
)
NO_IDS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.lists(TEXTS, max_size=3),
    st.dictionaries(st.sampled_from(["$ne", "$gt", "$where", "_id", "a.b"]), TEXTS, max_size=3),
)
FORGING = settings(
    max_examples=25, derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


async def test_an_id_that_nobody_made_is_unknown_or_no_id_and_never_an_error_of_the_gateways(company: Company) -> None:
    ids = collected(st.one_of(FORGED, NO_IDS), 60)
    token = company.token(*Scope)
    asked = [(token, asking(OPERATIONS[name], {"id": id})) for name, id in product(WITH_AN_ID, ids) if "subscription" not in OPERATIONS[name]]

    for (_, request), (status, body) in zip(asked, await answers(company.gateway, asked, 8), strict=True):
        answer = orjson.loads(body)
        assert status in (200, 400), request
        if "errors" in answer:
            assert codes([answer]) <= {"BAD_USER_INPUT", "BAD_REQUEST", "QUERY_TOO_COMPLEX"}, (request, answer)
        else:
            [value] = answer["data"].values()
            assert value is None or value["code"] == "NOT_FOUND", (request, answer)
    assert company.kept() == []


async def test_a_subscription_to_such_an_id_does_not_begin(company: Company) -> None:
    ids = collected(st.one_of(FORGED, NO_IDS), 60)
    async with wired(company.gateway, company.token(*Scope)) as wire:
        for number, id in enumerate(ids):
            await wire.subscribe(str(number), OPERATIONS["verificationUpdated"], {"id": id})
            message = await wire.hear()

            assert message["type"] == "error", id
            assert {error["extensions"]["code"] for error in message["payload"]} <= {"NOT_FOUND", "BAD_USER_INPUT"}, id


def collected(values: st.SearchStrategy[Any], number: int) -> list[Any]:
    """So many values, the same ones whenever it is asked."""
    found: list[Any] = []

    @settings(max_examples=number, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(values)
    def collect(value: Any) -> None:
        found.append(value)

    collect()
    return found


# S27: cursors and versions that were tampered with.

LIST = """
query($after: String, $before: String) {
  verifications(orderBy: CREATED_OLDEST, after: $after, before: $before) { edges { node { id workspaceId } } }
}
"""
FEED = "subscription($after: String) { verificationsUpdated(after: $after) { cursor verification { id workspaceId } } }"
UPDATED = "subscription($id: ID!, $after: Int) { verificationUpdated(id: $id, after: $after) { verification { id workspaceId } } }"
NUMBERS = (-(2**63), -1, 0, 1, 2**31, 2**53, 2**53 + 1, 2**63, 10**14, 10**15, 10**40)


def hidden(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def tampered(cursor: str) -> list[str]:
    """What could be made of a cursor by whoever looks into it."""
    text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    numbers = [hidden(re.sub(r":\d+", f":{number}", text, count=1)) for number in NUMBERS]
    orders = [hidden(text.replace("CREATED_OLDEST", order)) for order in ("CREATED_NEWEST", "UPDATED_OLDEST", "created_oldest", "$gt", "_id", "")]
    ids = [hidden(re.sub("ver_[0-9a-f]+", id, text)) for id in (ABSENT, "ver_", "$ne", '{"$gt":""}', "é", "x" * 64)]
    return [*numbers, *orders, *ids, cursor + "=", cursor + "A", cursor[:-1], cursor[::-1], f" {cursor}", cursor.swapcase(), cursor * 2]


async def test_a_tampered_cursor_is_refused_or_leads_through_the_own_list(company: Company, stranger: Company) -> None:
    await company.created()
    own = [await stranger.created() for _ in range(3)]
    page = await company.ask("{ verifications(orderBy: CREATED_OLDEST) { edges { cursor } } }")
    token, cursors = stranger.token(), tampered(page["verifications"]["edges"][0]["cursor"])
    asked = [(token, asking(LIST, {place: cursor})) for place in ("after", "before") for cursor in cursors]

    for (_, request), (status, body) in zip(asked, await answers(stranger.gateway, asked, 4), strict=True):
        answer = orjson.loads(body)
        assert status == 200, request
        if "errors" in answer:
            assert codes([answer]) == {"BAD_USER_INPUT"}, request
        else:
            assert {edge["node"]["id"] for edge in answer["data"]["verifications"]["edges"]} <= set(own), request


@pytest.mark.parametrize("way", FOR_SUBSCRIPTIONS)
async def test_a_tampered_cursor_of_a_feed_brings_nothing_of_another_company(company: Company, stranger: Company, way: str) -> None:
    async with following(company.gateway, company.token(), FEED) as feed:
        cursor = (await feed.next())["cursor"]
    await company.created()
    own = await stranger.created()

    # From an instant before both: the stranger hears of their own, first.
    for after in (cursor, hidden("feed:1"), hidden("feed:0")):
        heard = await first_rows(stranger, way, after, until=own)
        assert {(row["id"], row["workspaceId"]) for row in heard} == {(own, stranger.workspace)}
    for after in tampered(cursor):
        if after in (cursor, hidden("feed:1"), hidden("feed:0")):
            continue
        responses = await first_of(stranger, way, asking(FEED, {"after": after}))
        assert codes(responses) <= {"BAD_USER_INPUT"}, after
        assert company.workspace not in str(responses), after


async def first_of(company: Company, way: str, request: Request) -> list[dict[str, Any]]:
    """The first response to a subscription."""
    async for response in responses_of(company, way, request):
        return [response]
    return []


async def first_rows(company: Company, way: str, after: str, until: str) -> list[dict[str, Any]]:
    """The rows of a feed up to the one with an id."""
    rows: list[dict[str, Any]] = []
    async for response in responses_of(company, way, asking(FEED, {"after": after})):
        assert "errors" not in response, response
        if row := response["data"]["verificationsUpdated"]["verification"]:
            rows.append(row)
            if row["id"] == until:
                break
    return rows
