"""Several companies use one gateway. None may learn anything about another company, even with the ids and cursors of that company.

Cases S01, S02, S03 and S27 in tests/security/README.md.
"""

import asyncio
import re
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from itertools import product
from random import Random
from time import time
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pymongo import MongoClient

from domain.caller import Scope
from store.indexes import VERIFICATIONS
from tests.company import Company
from tests.gateway.callers.test_tokens import OPERATIONS, WITH_AN_ID, variables, without
from tests.security.connections import answers
from tests.security.transports import LIVE, Request, Response, codes, live_by_stream, request_for, transports_of
from tests.serving import Gateway, serving
from tests.wire import wired

ABSENT = "ver_" + "1" * 32
WAYS = [(name, way) for name in WITH_AN_ID for way in transports_of(OPERATIONS[name])]


# Case S01 in tests/security/README.md: clients send the ids of another company's verifications.


@pytest.mark.parametrize(("name", "way"), WAYS)
async def test_another_companys_id_is_answered_like_an_id_that_does_not_exist(company: Company, stranger: Company, name: str, way: str) -> None:
    pending, failed = await company.created(), await company.created()
    await company.result(failed, "FAILED", "IDVV_2101")
    token, query, before = stranger.token(*Scope), OPERATIONS[name], company.kept()

    found = set()
    for id in (ABSENT, pending, failed):
        for after in (None, 0, 1, 100) if "$after" in query else (None,):
            request = request_for(query, variables(query, id=id, after=after))
            found.add(without(id, await transports_of(query)[way](stranger.gateway, token, request)))

    assert len(found) == 1, found
    assert company.kept() == before
    assert stranger.kept() == []


# Case S02 in tests/security/README.md: clients send forged ids.

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
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.lists(TEXTS, max_size=3),
    st.dictionaries(st.sampled_from(["$ne", "$gt", "$where", "_id", "a.b"]), TEXTS, max_size=3),
)


async def test_a_forged_id_is_not_found_or_invalid_and_never_an_internal_error(company: Company) -> None:
    ids = collected(st.one_of(FORGED, NO_IDS), 60)
    token = company.token(*Scope)
    requests = [(token, request_for(OPERATIONS[name], {"id": id})) for name, id in product(WITH_AN_ID, ids) if "subscription" not in OPERATIONS[name]]

    for (_, request), (status, body) in zip(requests, await answers(company.gateway, requests, 8), strict=True):
        answer = orjson.loads(body)
        assert status in (200, 400), request
        if "errors" in answer:
            assert codes([answer]) <= {"BAD_USER_INPUT", "BAD_REQUEST", "QUERY_TOO_COMPLEX"}, (request, answer)
        else:
            [value] = answer["data"].values()
            assert value in (None, []) or value["code"] == "NOT_FOUND", (request, answer)
    assert company.kept() == []


async def test_a_subscription_to_a_forged_id_does_not_begin(company: Company) -> None:
    ids = collected(st.one_of(FORGED, NO_IDS), 60)
    async with wired(company.gateway, company.token(*Scope)) as wire:
        for number, id in enumerate(ids):
            await wire.subscribe(str(number), OPERATIONS["verificationUpdated"], {"id": id})
            message = await wire.hear()

            assert message["type"] == "error", id
            assert {error["extensions"]["code"] for error in message["payload"]} <= {"NOT_FOUND", "BAD_USER_INPUT"}, id


def collected(values: st.SearchStrategy[Any], number: int) -> list[Any]:
    """Generate `number` values by this Hypothesis strategy. They are the same in every run."""
    found: list[Any] = []

    @settings(max_examples=number, derandomize=True, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(values)
    def collect(value: Any) -> None:
        found.append(value)

    collect()
    return found


# Case S27 in tests/security/README.md: clients send cursors and versions that they have tampered with.

LIST = """
query($after: String, $before: String) {
  verifications(orderBy: CREATED_OLDEST, after: $after, before: $before) { edges { node { id workspaceId } } }
}
"""
FEED = "subscription($after: String) { verificationsUpdated(after: $after) { cursor verification { id workspaceId } } }"
UPDATED = "subscription($id: ID!, $after: Int) { verificationUpdated(id: $id, after: $after) { verification { id workspaceId } } }"
VERSIONS = (-(2**63), -1, 0, 1, 2, 2**31 - 1, 2**31, 2**53, 2**53 + 1, 2**63 - 1)
NUMBERS = (*VERSIONS, 10**14, 10**15, 10**40)


def encoded(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def tampered(cursor: str) -> list[str]:
    """Cursors that an attacker could make from a genuine cursor: its parts are replaced after decoding, or its text is damaged."""
    text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    numbers = [encoded(re.sub(r":\d+", f":{number}", text, count=1)) for number in NUMBERS]
    orders = [encoded(text.replace("CREATED_OLDEST", order)) for order in ("CREATED_NEWEST", "UPDATED_OLDEST", "created_oldest", "$gt", "_id", "")]
    ids = [encoded(re.sub("ver_[0-9a-f]+", id, text)) for id in (ABSENT, "ver_", "$ne", '{"$gt":""}', "é", "x" * 64)]
    return [*numbers, *orders, *ids, cursor + "=", cursor + "A", cursor[:-1], cursor[::-1], f" {cursor}", cursor.swapcase(), cursor * 2]


async def test_a_tampered_cursor_is_refused_or_reads_the_callers_own_list(company: Company, stranger: Company) -> None:
    await company.created()
    own = [await stranger.created() for _ in range(3)]
    page = await company.ask("{ verifications(orderBy: CREATED_OLDEST) { edges { cursor } } }")
    token, cursors = stranger.token(), tampered(page["verifications"]["edges"][0]["cursor"])
    requests = [(token, request_for(LIST, {place: cursor})) for place in ("after", "before") for cursor in cursors]

    for (_, request), (status, body) in zip(requests, await answers(stranger.gateway, requests, 4), strict=True):
        answer = orjson.loads(body)
        assert status == 200, request
        if "errors" in answer:
            assert codes([answer]) == {"BAD_USER_INPUT"}, request
        else:
            assert {edge["node"]["id"] for edge in answer["data"]["verifications"]["edges"]} <= set(own), request


@pytest.mark.parametrize("way", LIVE)
async def test_a_tampered_feed_cursor_reveals_nothing_of_another_company(company: Company, stranger: Company, way: str) -> None:
    cursor = (await first(company, way, request_for(FEED)))["data"]["verificationsUpdated"]["cursor"]
    await company.created()
    own = await stranger.created()

    # These cursors are older than the verifications of both companies. A feed that `stranger` resumes with one may deliver only its own verification.
    for after in (cursor, encoded(f"feed:{hours_ago(20)}"), encoded(f"feed:{hours_ago(1)}")):
        async with aclosing(LIVE[way](stranger.gateway, stranger.token(), request_for(FEED, {"after": after}))) as responses:
            async for response in responses:
                if row := response["data"]["verificationsUpdated"]["verification"]:
                    assert row == {"id": own, "workspaceId": stranger.workspace}, after
                    break
    for after in (encoded("feed:1"), encoded("feed:0"), *tampered(cursor)):
        response = await first(stranger, way, request_for(FEED, {"after": after}))
        # Some tampered cursors are valid, but too old to resume from.
        assert codes([response]) <= {"BAD_USER_INPUT", "LAGGED"}, after
        assert company.workspace not in str(response), after


def hours_ago(hours: int) -> int:
    """The time this many hours ago, in milliseconds since 1970 UTC."""
    return int((time() - hours * 3600) * 1000)


async def first(company: Company, way: str, request: Request) -> Response:
    """Subscribe over this transport, with a token of the company. Returns the first response."""
    async with aclosing(LIVE[way](company.gateway, company.token(), request)) as responses:
        return await anext(responses)


@pytest.mark.parametrize("way", LIVE)
async def test_an_impossible_version_is_refused(company: Company, way: str) -> None:
    id = await company.created()

    refused = set[str]()
    for after in (*VERSIONS, 1.5, "1", True, [1], {"$gt": 0}):
        found = codes([await first(company, way, request_for(UPDATED, {"id": id, "after": after}))])
        assert bool(found) == (after not in (0, 1) or after is True), after
        refused |= found
    assert refused == {"BAD_USER_INPUT", "VERSION_AHEAD"}


async def test_a_mark_of_another_companys_event_reveals_nothing(company: Company, stranger: Company) -> None:
    id, own = await company.created(), await stranger.created()
    marks = [f"{id}:1", f"{id}:0", f"{own}:1", f"{own}:{10**9}", f"{own}:-1", f"{own}:9999999999", "feed:1", encoded("feed:1"), "x" * 1000]

    for mark in marks:
        found = set()
        for tried in (id, ABSENT):
            async with aclosing(
                live_by_stream(stranger.gateway, stranger.token(), request_for(UPDATED, {"id": tried}), last_event_id=mark)
            ) as responses:
                found.add(without(tried, await anext(responses)))

        assert len(found) == 1, mark


# Case S03 in tests/security/README.md: several companies send many requests at the same time.

COMPANIES, CREATED_BY_EACH = 4, 25
REQUESTS_BY_HTTP, CONNECTIONS = 6000, 16
SOCKETS_OF_EACH, REQUESTS_OF_A_SOCKET, AT_A_TIME = 4, 250, 50
ROW = "id workspaceId reference declaredIdentity { firstName } verificationUrl attempts { id workspaceId }"
ONE = f"query($id: ID!) {{ verification(id: $id) {{ {ROW} }} }}"
NODE = "query($id: ID!) { node(id: $id) { ... on Verification { id workspaceId attempts { id workspaceId } } } }"
ROWS = f'{{ verifications(first: 2, filter: {{ reference: "order-1" }}) {{ totalCount edges {{ node {{ {ROW} }} }} }} }}'
STATS = '{ verificationStats(filter: { reference: "order-1" }) { total billable } }'
WHERE = "{ me { workspaceId } }"
AGAIN = """
mutation($key: String!) {
  createVerification(input: { firstName: "A", lastName: "B", redirectionUrl: "https://shop.example", idempotencyKey: $key }) {
    ... on Verification { id workspaceId }
  }
}
"""
NEW = """
mutation {
  createVerification(input: { firstName: "A", lastName: "B", redirectionUrl: "https://shop.example" }) { ... on Verification { workspaceId } }
}
"""


@dataclass(frozen=True, slots=True)
class Expectation:
    """A request with the token of its caller, and the data that the answer must contain."""

    token: str
    request: Request
    expected: Any


@pytest.fixture
async def companies(database_uri: str, mongo: MongoClient[dict[str, Any]]) -> AsyncIterator[list[Company]]:
    """Several companies that use the same gateway, which has no rate limit. They have similar verifications."""
    async with serving(database_uri, rate_cost_per_second=0) as gateway:
        found = [Company(gateway, mongo[urlsplit(database_uri).path[1:]][VERIFICATIONS]) for _ in range(COMPANIES)]
        for company in found:
            ids = [await company.created(reference="order-1", firstName=company.workspace) for _ in range(5)]
            await company.result(ids[0], "FAILED", "IDVV_2101")
            await company.retry(ids[0])
        yield found


async def expectations_of(company: Company, others: list[Company]) -> list[Expectation]:
    """The requests that a company sends, and the answers that it must get.

    The answers about its own verifications are read now, while no other requests run. Requests for verifications of the others must find nothing.
    """
    token, own = company.token(), [row["_id"] for row in company.kept()]
    requests = [request_for(WHERE), request_for(ROWS), request_for(STATS), *(request_for(AGAIN, {"key": f"key-{number}"}) for number in range(5))]
    requests += [request_for(query, {"id": id}) for query in (ONE, NODE) for id in own]
    expectations = [Expectation(token, request, await company.ask(request["query"], request["variables"])) for request in requests]
    assert all(company.workspace in str(expectation.expected) for expectation in expectations if expectation.request["query"] != STATS)
    foreign = [row["_id"] for other in others for row in other.kept()]
    nothing = [(ONE, {"verification": None}), (NODE, {"node": None})]
    return expectations + [Expectation(token, request_for(query, {"id": id}), expected) for query, expected in nothing for id in foreign]


async def answers_over_a_socket(company: Company, expectations: list[Expectation]) -> list[tuple[Expectation, Any]]:
    """Send the requests over one socket, with up to AT_A_TIME operations at the same time. Returns each request with its answer."""
    found: list[tuple[Expectation, Any]] = []
    async with wired(company.gateway, company.token()) as wire:
        for start in range(0, len(expectations), AT_A_TIME):
            sent = {str(number): expectation for number, expectation in enumerate(expectations[start : start + AT_A_TIME])}
            for id, expectation in sent.items():
                await wire.send({"type": "subscribe", "id": id, "payload": expectation.request})
            for _ in range(2 * len(sent)):
                if (message := await wire.hear())["type"] != "complete":
                    found.append((sent[message["id"]], message["payload"]))
    return found


async def answers_over_http(gateway: Gateway, expectations: list[Expectation]) -> list[tuple[Expectation, Any]]:
    """Send the requests of all companies over the same HTTP connections. Returns each request with its answer."""
    requests = [(expectation.token, expectation.request) for expectation in expectations]
    return [
        (expectation, orjson.loads(body)) for expectation, (_, body) in zip(expectations, await answers(gateway, requests, CONNECTIONS), strict=True)
    ]


async def workspaces_in_feed(company: Company, way: str, begun: asyncio.Event) -> set[str]:
    """Follow a company's workspace until all verifications that the company creates have arrived. Returns the workspaces in the messages."""
    ids, workspaces = set[str](), set[str]()
    async with aclosing(LIVE[way](company.gateway, company.token(), request_for(FEED))) as responses:
        async for response in responses:
            begun.set()
            if row := response["data"]["verificationsUpdated"]["verification"]:
                ids.add(row["id"])
                workspaces.add(row["workspaceId"])
            if len(ids) == CREATED_BY_EACH:
                break
    return workspaces


async def test_ten_thousand_concurrent_requests_get_only_their_companys_data(companies: list[Company]) -> None:
    random, by_http, by_socket = Random(7), list[Expectation](), dict[str, list[Expectation]]()
    for company in companies:
        expectations = await expectations_of(company, [other for other in companies if other is not company])
        by_socket[company.workspace] = random.choices(expectations, k=SOCKETS_OF_EACH * REQUESTS_OF_A_SOCKET)
        new = Expectation(company.token(), request_for(NEW), {"createVerification": {"workspaceId": company.workspace}})
        by_http += [new] * CREATED_BY_EACH + random.choices(expectations, k=REQUESTS_BY_HTTP // COMPANIES - CREATED_BY_EACH)
    random.shuffle(by_http)

    listening = [(company, way, asyncio.Event()) for company in companies for way in LIVE]
    async with asyncio.TaskGroup() as group:
        feeds = [(company, group.create_task(workspaces_in_feed(company, way, begun))) for company, way, begun in listening]
        for _, _, begun in listening:
            await begun.wait()
        answering = [group.create_task(answers_over_http(companies[0].gateway, by_http))]
        for company in companies:
            for start in range(0, SOCKETS_OF_EACH * REQUESTS_OF_A_SOCKET, REQUESTS_OF_A_SOCKET):
                part = by_socket[company.workspace][start : start + REQUESTS_OF_A_SOCKET]
                answering.append(group.create_task(answers_over_a_socket(company, part)))

    received = [each for task in answering for each in task.result()]
    assert len(received) == 10_000
    assert [(expectation, answer) for expectation, answer in received if answer != {"data": expectation.expected}] == []
    assert [task.result() for _, task in feeds] == [{company.workspace} for company, _ in feeds]
