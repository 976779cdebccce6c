"""Tests of the drill of sockets: its clients come back, and it finds what it must find. `make drill-sockets` runs it with 10,000 clients."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from random import Random
from urllib.parse import urlsplit

import pytest

from domain.caller import Caller, Scope
from tests.drill.reconnecting import Assignment, ClientRecord, ReconnectingClient, backoff
from tests.drill.storm import MAX_STORM_SECONDS, missing, storm_findings
from tests.factories import a_verification
from tests.serving import ACME, Gateway, serving
from tests.storing import until

CREATE = """mutation { createVerification(input: { firstName: "Ada", lastName: "Lovelace", redirectionUrl: "https://example.com" }) {
  ... on Verification { id }
} }"""
OPEN_LINK = "mutation($id: ID!) { reportProgress(input: { verificationId: $id, progress: LINK_OPENED }) { ... on Verification { version } } }"
KILLED_AT = 100.0


@asynccontextmanager
async def a_client(gateway: Gateway, id: str, endings: Counter[str]) -> AsyncIterator[ReconnectingClient]:
    """A client that follows a verification. It does not connect again after the end of the context."""
    token = gateway.tokens.follow_token(Caller("test", ACME, frozenset(Scope)), id, timedelta(hours=1)).token
    client = ReconnectingClient(("127.0.0.1", urlsplit(gateway.url).port or 0), Assignment(id, token, "127.0.0.1"), Random(1), endings)
    client.start()
    try:
        yield client
    finally:
        client.record.given_up = "the test is over"
        client.close()


async def test_a_client_that_is_turned_away_comes_back_and_receives_each_change(database_uri: str) -> None:
    endings: Counter[str] = Counter()
    async with serving(database_uri, max_sockets=1) as gateway:
        id = (await gateway.query(CREATE))["createVerification"]["id"]
        async with a_client(gateway, id, endings) as first:
            await first.followed.wait()
            async with a_client(gateway, id, endings) as second:
                await until(lambda: endings["1013"] > 0)
                first.record.given_up = "it leaves"
                first.close()
                await second.followed.wait()

                await gateway.query(OPEN_LINK, {"id": id}, gateway.token(Scope.REPORT))

                await until(lambda: second.record.version == 2)
    assert second.record.breaches == []
    assert second.record.attempts > 1
    assert first.record.version == 1


async def test_a_client_gives_up_if_its_token_is_refused_again_and_again(database_uri: str) -> None:
    endings: Counter[str] = Counter()
    async with serving(database_uri) as gateway:
        other = replace(gateway, tokens=type(gateway.tokens)(gateway.tokens._trust, ["another-key-0123456789-zyxwvutsrqpo"], gateway.tokens._now))
        async with a_client(other, "ver_1", endings) as client:
            await until(lambda: bool(client.record.given_up))

            assert client.record.given_up == "4403"
    assert endings["4403"] == client.record.attempts == 3


def test_the_pauses_are_those_of_the_client_for_browsers() -> None:
    longest = [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0]

    pauses = [[backoff(failures, Random(seed)) for seed in range(100)] for failures in range(8)]

    assert [max(each) for each in pauses] == pytest.approx(longest, rel=0.05)
    assert [min(each) for each in pauses] == pytest.approx([most / 2 for most in longest], rel=0.05)


def test_a_storm_in_which_all_clients_come_back_in_time_has_no_finding() -> None:
    records = [ClientRecord("ver_1", 2, 110.0, 110.0, 2), ClientRecord("ver_2", 1, 90.0, KILLED_AT + MAX_STORM_SECONDS, 5)]

    assert storm_findings(records, KILLED_AT) == []


@pytest.mark.parametrize(
    ("record", "finding"),
    [
        (ClientRecord("ver_1", back_at=KILLED_AT - 1), "1 clients do not follow again"),
        (ClientRecord("ver_1", back_at=KILLED_AT + 31), "the last client was back after 31.0 s, and not within 30 s"),
        (ClientRecord("ver_1", back_at=KILLED_AT + 1, given_up="4400"), "1 clients were turned away for good: 4400"),
    ],
)
def test_a_client_that_is_not_back_in_time_is_found(record: ClientRecord, finding: str) -> None:
    assert storm_findings([ClientRecord("ver_2", back_at=KILLED_AT + 1), record], KILLED_AT) == [finding]


def test_a_client_that_missed_a_change_or_received_wrong_events_is_found() -> None:
    state = a_verification()
    late, broken = ClientRecord(state.id, 0), ClientRecord(state.id, 1, breaches=["events [2] after version 2, in place of []"])

    assert missing([ClientRecord(state.id, 1)], [state]) == []
    assert missing([late], [state]) == [f"1 clients have not received the present version, such as {state.id}"]
    assert missing([broken], [state]) == ["1 clients received wrong events: events [2] after version 2, in place of []"]
