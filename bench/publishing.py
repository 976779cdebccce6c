"""Publishes events to servers, and checks the messages that subscribers receive."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import orjson
from pymongo import ReplaceOne
from pymongo.database import Database

from bench.agreement import Disagreement
from bench.machinery import Served
from bench.sockets import Crowd, content
from domain.event import Actor, Event, EventType
from domain.verification import Verification
from store.documents import Document, encode
from store.indexes import VERIFICATIONS
from store.sealing import Keys

FOLLOW = """subscription($id: ID!) { verificationUpdated(id: $id) {
  verification { id status reference version attempt createdAt updatedAt expiresAt reasons { code type description } }
  events { version type actor at }
} }"""

States = list[Verification]
# Prepares the publication of states and returns the function that publishes them, so that the preparation is not timed.
Publisher = Callable[[States], Callable[[], Awaitable[None]]]


def advanced(verification: Verification) -> Verification:
    """The verification with one more event and no other change."""
    version, at = verification.version + 1, verification.updated_at + timedelta(milliseconds=1)
    event = Event(version, EventType.PROVIDER_STARTED, Actor.PROVIDER, at)
    return replace(verification, version=version, updated_at=at, events=(*verification.events, event))


def database_publisher(target: Database[Document], keys: Keys) -> Publisher:
    """Publishes by writes to MongoDB: all in one request, each as the gateway writes it."""

    def prepare(states: States) -> Callable[[], Awaitable[None]]:
        guarded = [ReplaceOne({"_id": new.id, "workspace": new.workspace, "version": new.version - 1}, encode(new, keys)) for new in states]
        return lambda: asyncio.to_thread(write, target, guarded)

    return prepare


def write(target: Database[Document], guarded: list[ReplaceOne[Document]]) -> None:
    """Write all states. Raises: Disagreement if a stored version is not the expected one."""
    # In one transaction, so that the change stream delivers them together. Otherwise, MongoDB's time for a thousand writes would make up most of
    # the time between deliveries.
    with target.client.start_session() as session, session.start_transaction():
        done = target[VERIFICATIONS].bulk_write(guarded, ordered=False, session=session)
    if done.matched_count != len(guarded):
        raise Disagreement(f"{done.matched_count} of {len(guarded)} were written")


def http_publisher(target: Served, content: Callable[[States], bytes]) -> Publisher:
    """Publishes by HTTP, with all the data."""
    return lambda states: partial(publish, target, content(states))


async def publish(target: Served, body: bytes) -> None:
    """POST to a server's /publish. Raises: Disagreement if the response isn't 200."""
    address = urlsplit(target.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(f"POST /publish HTTP/1.1\r\nhost: {address.netloc}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
    status_line = await reader.readline()
    writer.close()
    if b" 200 " not in status_line:
        raise Disagreement(f"{target.url} answers {status_line!r}")


def documents(states: States, keys: Keys) -> bytes:
    """The states as documents in JSON, without sealed fields."""
    return orjson.dumps([encode(replace(state, declared=None), keys) for state in states])


def message(state: Verification) -> dict[str, Any]:
    """The message that a subscriber must receive."""
    last = state.events[-1]
    update = {
        "verification": {
            "id": state.id,
            "status": state.status.name,
            "reference": state.reference,
            "version": state.version,
            "attempt": state.attempt,
            "createdAt": state.created_at,
            "updatedAt": state.updated_at,
            "expiresAt": state.expires_at,
            "reasons": list(state.reasons),
        },
        "events": [{"version": last.version, "type": last.type.name, "actor": last.actor.name, "at": last.at}],
    }
    return {"id": "1", "type": "next", "payload": {"data": {"verificationUpdated": update}}}


def text(states: States) -> bytes:
    """The message about the first state, as JSON."""
    return orjson.dumps(message(states[0]))


def check(crowd: Crowd, states: States) -> None:
    """Check that each subscriber received the right message, and others received none. Raises: Disagreement."""
    expected = {state.id: orjson.dumps(message(state), option=orjson.OPT_SORT_KEYS) for state in states}
    canonical = {b"": b""}
    for socket in crowd.sockets:
        if socket.message not in canonical:
            canonical[socket.message] = orjson.dumps(orjson.loads(content(socket.message)), option=orjson.OPT_SORT_KEYS)
        if canonical[socket.message] != expected.get(socket.id, b""):
            raise Disagreement(f"{crowd.port}: the message of {socket.id} is {socket.message!r}, and not {expected.get(socket.id)!r}")
        socket.message = b""
