"""Tests that no message with personal data stays in the memory of the process after a verification is anonymized."""

import asyncio
import gc
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import orjson
import pytest

from domain.caller import Caller, Scope
from domain.event import Actor
from gateway.operations import live
from gateway.operations.live import Group, Groups
from resolvers.followed_verification import VerificationUpdate
from resolvers.workspace_feed import VerificationFeedItem
from store.cursor import encode_watermark
from store.verifications import utc_now
from tests.company import CAPTURE_COMPLETED, CAPTURE_STARTED, LINK_OPENED, Company
from tests.factories import FAILED_RESULT, NOON, a_final_verification, a_verification
from tests.gateway.operations.test_live import operation
from tests.storing import GENEROUS_SECONDS, until

READER = Caller("reader", "acme", frozenset({Scope.READ}), None)
PERSONAL = "verification { id status declaredIdentity { lastName } extractedDocument { fullName } events { note } }"
UPDATED = f"subscription($id: ID!) {{ verificationUpdated(id: $id) {{ {PERSONAL} }} }}"
PENDING = f"subscription {{ verificationsUpdated(filter: {{ status: [PENDING] }}) {{ {PERSONAL} }} }}"
ALL = f"subscription {{ verificationsUpdated {{ {PERSONAL} }} }}"


def texts() -> Iterator[bytes]:
    """All texts and bytes that the garbage collector can reach, also those inside tuples and dicts that it does not track."""
    seen: set[int] = set()
    waiting: list[Any] = gc.get_objects()
    while waiting:
        for each in gc.get_referents(waiting.pop()):
            # `isinstance` would follow a weak proxy to its object, which may be gone.
            kind = type(each)
            if issubclass(kind, str):
                yield each.encode(errors="replace")
            elif issubclass(kind, bytes | bytearray):
                yield bytes(each)
            elif issubclass(kind, tuple | dict) and not gc.is_tracked(each) and id(each) not in seen:
                seen.add(id(each))
                waiting.append(each)


def kept(name_reversed: str) -> int:
    """How many texts in memory contain the name. The name is passed in reverse, so that the test itself does not keep it."""
    gc.collect()
    name = name_reversed[::-1].encode()
    return sum(name in text for text in texts() if text != name)


def a_name() -> str:
    """A new family name, in reverse, as `kept` expects it."""
    return f"{uuid4().hex}q"


class Reader:
    """A client that drops everything that it reads. A library would keep the last message in the memory of this process, where the test searches."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._tail = b""

    async def until(self, text: bytes) -> None:
        """Read until this text has arrived, and drop everything up to its end."""
        async with asyncio.timeout(GENEROUS_SECONDS):
            while text not in self._tail:
                received = await self._reader.read(65_536)
                assert received, f"the connection ended without {text!r}"
                self._tail += received
        self._tail = self._tail[self._tail.index(text) + len(text) :]

    def send(self, text: str) -> None:
        """Send a text as a WebSocket frame. Its mask is zero, so that the content stays as it is. Source: RFC 6455, 5.2."""
        content = text.encode()
        self._writer.write(struct.pack("!BBH", 0x81, 0x80 | 126, len(content)) + bytes(4) + content)


@asynccontextmanager
async def connected(company: Company, *head: str, body: str = "") -> AsyncIterator[Reader]:
    """A context with a client that has sent a request to the gateway. `head`: the request line, and lines with headers."""
    address = urlsplit(company.gateway.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    lines = [head[0], f"host: {address.netloc}", f"content-length: {len(body)}", *head[1:], "", body]
    writer.write("\r\n".join(lines).encode())
    try:
        yield Reader(reader, writer)
    finally:
        writer.close()


def streaming(company: Company, query: str, **variables: str) -> AbstractAsyncContextManager[Reader]:
    """A context with an open event stream of this subscription. Yields the client that reads it."""
    body = orjson.dumps({"query": query, "variables": variables}).decode()
    fields = "accept: text/event-stream", "content-type: application/json", f"authorization: Bearer {company.token()}"
    return connected(company, "POST /graphql HTTP/1.1", *fields, body=body)


@asynccontextmanager
async def on_a_socket(company: Company, query: str, **variables: str) -> AsyncIterator[Reader]:
    """A context with this subscription on a WebSocket. Yields the client that reads it."""
    upgrade = "upgrade: websocket", "connection: upgrade", "sec-websocket-version: 13", "sec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg=="
    async with connected(company, "GET /graphql HTTP/1.1", *upgrade, "sec-websocket-protocol: graphql-transport-ws") as socket:
        await socket.until(b"\r\n\r\n")
        socket.send(orjson.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {company.token()}"}}).decode())
        await socket.until(b"connection_ack")
        socket.send(orjson.dumps({"type": "subscribe", "id": "1", "payload": {"query": query, "variables": variables}}).decode())
        yield socket


async def test_no_message_of_an_anonymized_verification_stays_in_memory(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "FORGETTING_SECONDS", 0.01)
    name = a_name()
    other = await company.created()
    async with AsyncExitStack() as stack:
        # A group is dropped with its last subscription. These subscriptions, to another verification, keep the groups with their messages alive.
        keepers = [await stack.enter_async_context(opened(company, UPDATED, id=other)) for opened in (streaming, on_a_socket)]
        # A subscription to the pending verifications of a workspace receives no message about an anonymization, because only final verifications are
        # anonymized. But the gateway must also drop the earlier messages of its group.
        feeds = [await stack.enter_async_context(opened(company, query)) for opened in (streaming, on_a_socket) for query in (PENDING, ALL)]
        for keeper in keepers:
            await keeper.until(b'"PENDING"')
        for feed in feeds:
            await feed.until(b'"verification":null')
        id = await company.created(lastName=name[::-1])
        followers = [await stack.enter_async_context(opened(company, UPDATED, id=id)) for opened in (streaming, on_a_socket)]
        for follower in followers:
            await follower.until(b'"PENDING"')
        await company.progress(id, LINK_OPENED)
        for follower in followers:
            await follower.until(b'"PENDING"')
        await company.result(id, "VERIFIED", extractedDocument={"fullName": name[::-1]})
        for subscriber in (*feeds, *followers):
            await subscriber.until(b'"VERIFIED"')
            await subscriber.until(b"}]}}}")
        before = kept(name)

        await company.anonymize(id)
        for feed in (feeds[1], feeds[3]):
            await feed.until(b'"VERIFIED","declaredIdentity":null')
        await until(lambda: kept(name) == 0)

    assert before > 0, "the test must be able to find the name"


FOLLOWED = "subscription($id: ID!) { verificationUpdated(id: $id, followRetries: true) { verification { id version } } }"
CHANGED = "subscription { verificationsUpdated { verification { id version } } }"


@pytest.mark.parametrize("query", [FOLLOWED, CHANGED], ids=["one chain", "the workspace"])
@pytest.mark.parametrize("opened", [streaming, on_a_socket])
async def test_no_message_is_kept_past_the_next_event(
    company: Company, opened: Callable[..., AbstractAsyncContextManager[Reader]], query: str
) -> None:
    id = await company.created()
    message = f'"id":"{id}","version":'
    async with opened(company, query, **({"id": id} if query is FOLLOWED else {})) as subscriber:
        await subscriber.until(b'"version":1' if query is FOLLOWED else b'"verification":null')
        for version, step in ((2, LINK_OPENED), (3, CAPTURE_STARTED), (4, CAPTURE_COMPLETED)):
            await company.progress(id, step)
            await subscriber.until(f"{message}{version}".encode())
        last = kept(f"{message}4"[::-1])
        await until(lambda: sum(kept(f"{message}{version}"[::-1]) for version in (1, 2, 3)) == 0)

    assert last > 0, "the test must be able to find a message"


async def test_nothing_of_an_anonymized_verification_is_kept_for_a_subscriber_that_resumed(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "FORGETTING_SECONDS", 0.01)
    name, cursor = a_name(), encode_watermark(utc_now() - timedelta(seconds=5))
    id = await company.created(lastName=name[::-1])
    await company.result(id, "FAILED", "IDVV_2101")
    resumed = ALL.replace("subscription", "subscription($after: String)").replace("verificationsUpdated", "verificationsUpdated(after: $after)")
    followed = UPDATED.replace("id: $id", "id: $id, followRetries: true")
    async with AsyncExitStack() as stack:
        feeds = [await stack.enter_async_context(opened(company, resumed, after=cursor)) for opened in (streaming, on_a_socket)]
        followers = [await stack.enter_async_context(opened(company, followed, id=id)) for opened in (streaming, on_a_socket)]
        for subscriber in (*feeds, *followers):
            await subscriber.until(name[::-1].encode())
        before = kept(name)

        await company.anonymize(id)
        for subscriber in (*feeds, *followers):
            await subscriber.until(b'"declaredIdentity":null')
        await until(lambda: kept(name) == 0)

    assert before > 0, "the test must be able to find the name"


def test_a_message_with_a_later_state_replaces_the_earlier_ones_of_its_verification() -> None:
    dropped: list[None] = []
    group = Group(drop_copies=lambda: dropped.append(None))
    first = a_verification()
    old, new, other = (
        VerificationUpdate(first, ()),
        VerificationUpdate(first.concluded(FAILED_RESULT, NOON), ()),
        VerificationUpdate(a_verification(), ()),
    )

    for event in (old, other, new):
        group.keep(event, b"message")
    group.keep(old, b"late")

    assert [group.message(event) for event in (old, other, new)] == [None, b"message", b"message"]
    assert len(dropped) == 1


async def test_a_late_message_with_an_older_state_of_an_anonymized_verification_is_not_kept() -> None:
    groups = Groups()
    group = groups.of(operation(), READER)
    final, other = a_final_verification(), a_verification()
    old, new = VerificationUpdate(final, ()), VerificationUpdate(final.anonymized(Actor.INTEGRATOR, NOON), ())
    unrelated, cursor = VerificationUpdate(other, ()), VerificationFeedItem("cursor")

    groups.forget(final.id)
    for event in (old, new, unrelated, cursor):
        group.keep(event, b"message")

    assert [group.message(event) for event in (old, new, unrelated, cursor)] == [None, b"message", b"message", b"message"]


async def test_only_the_messages_of_the_anonymized_verification_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "FORGETTING_SECONDS", 0.01)
    groups = Groups()
    group = groups.of(operation(), READER)
    gone, stays = VerificationUpdate(a_final_verification(), ()), VerificationUpdate(a_verification(), ())
    for event in (gone, stays):
        group.keep(event, b"message")

    groups.forget(gone.verification.id)
    await until(lambda: group.message(gone) is None)

    assert group.message(stays) == b"message"


async def test_all_messages_are_dropped_when_an_anonymization_may_have_been_missed() -> None:
    groups = Groups()
    group = groups.of(operation(), READER)
    event = VerificationUpdate(a_verification(), ())
    group.keep(event, b"message")

    groups.forget(None)

    assert group.message(event) is None


def test_only_a_limited_number_of_anonymized_verifications_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MAX_ANONYMIZED", 2)

    async def forget_three() -> Group:
        groups = Groups()
        for number in range(3):
            groups.forget(f"ver_{number}")
        return groups.of(operation(), READER)

    group = asyncio.run(forget_three())
    for number in range(3):
        event = VerificationUpdate(a_verification(id=f"ver_{number}"), ())
        group.keep(event, b"message")
        assert (group.message(event) is None) is (number > 0)
