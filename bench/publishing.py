"""Publishes events to the servers whose fan-out is measured, and checks the messages that their subscribers receive."""

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
from domain.instant import instant_text
from domain.verification import Verification
from store.documents import encode
from store.driver import Document
from store.indexes import VERIFICATIONS
from store.sealing import SealingKeys

FOLLOW = """subscription($id: ID!) { verificationUpdated(id: $id) {
  verification { id status reference version attempt createdAt updatedAt expiresAt reasons { code type description } }
  events { version type actor at }
} }"""

States = list[Verification]
# A publisher is called with new states, and returns a function that publishes them. Only that function is timed; encoding the states is not.
Publisher = Callable[[States], Callable[[], Awaitable[None]]]


def advanced(verification: Verification) -> Verification:
    """The next state of a verification: it has one more event, and therefore the next version and a later time of its last update."""
    version, at = verification.version + 1, verification.updated_at + timedelta(milliseconds=1)
    event = Event(version, EventType.PROVIDER_STARTED, Actor.PROVIDER, at)
    return replace(verification, version=version, updated_at=at, events=(*verification.events, event))


def database_publisher(target: Database[Document], keys: SealingKeys) -> Publisher:
    """A publisher that writes the states to MongoDB, with one command. Each document and each filter is the same as in the gateway's writes."""

    def prepare(states: States) -> Callable[[], Awaitable[None]]:
        guarded = [ReplaceOne({"_id": new.id, "workspace": new.workspace, "version": new.version - 1}, encode(new, keys)) for new in states]
        return lambda: asyncio.to_thread(write, target, guarded)

    return prepare


def write(target: Database[Document], guarded: list[ReplaceOne[Document]]) -> None:
    """Write all states to MongoDB. `guarded`: commands that each replace the previous version of a state, as the gateway's compare-and-set does.

    Raises: Disagreement if one of them found no previous version to replace.
    """
    # With one transaction, the change stream delivers all states together. Otherwise, the time between the first and the last delivery would
    # mostly consist of the time that MongoDB needs for a thousand writes.
    with target.client.start_session() as session, session.start_transaction():
        done = target[VERIFICATIONS].bulk_write(guarded, ordered=False, session=session)
    if done.matched_count != len(guarded):
        raise Disagreement(f"{done.matched_count} of {len(guarded)} were written")


def http_publisher(target: Served, content: Callable[[States], bytes]) -> Publisher:
    """A publisher that sends the states to a server by HTTP. `content` encodes them, so the server need not read them from the database."""
    return lambda states: partial(publish, target, content(states))


async def publish(target: Served, body: bytes) -> None:
    """Send the body to the server's path /publish. Raises: Disagreement if the status of the response is not 200."""
    address = urlsplit(target.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(f"POST /publish HTTP/1.1\r\nhost: {address.netloc}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
    status_line = await reader.readline()
    writer.close()
    if b" 200 " not in status_line:
        raise Disagreement(f"{target.url} answers {status_line!r}")


def documents(states: States, keys: SealingKeys) -> bytes:
    """The states as a JSON array of MongoDB documents, without their encrypted fields and the stamp, for which JSON has no type."""
    encoded = (encode(replace(state, declared=None), keys) for state in states)
    return orjson.dumps([{name: value for name, value in document.items() if name != "storedAt"} for document in encoded])


def message(state: Verification) -> dict[str, Any]:
    """The message of graphql-transport-ws that a subscriber must receive after this state was published."""
    last = state.events[-1]
    update = {
        "verification": {
            "id": state.id,
            "status": state.status.name,
            "reference": state.reference,
            "version": state.version,
            "attempt": state.attempt,
            "createdAt": instant_text(state.created_at),
            "updatedAt": instant_text(state.updated_at),
            "expiresAt": instant_text(state.expires_at),
            "reasons": list(state.reasons),
        },
        "events": [{"version": last.version, "type": last.type.name, "actor": last.actor.name, "at": instant_text(last.at)}],
    }
    return {"id": "1", "type": "next", "payload": {"data": {"verificationUpdated": update}}}


def text(states: States) -> bytes:
    """The message about the first of these states, as JSON. The peer `bare` sends this text to all its sockets."""
    return orjson.dumps(message(states[0]))


def check(crowd: Crowd, states: States) -> None:
    """Check the messages of all subscribers, and clear them.

    Raises: Disagreement if a subscriber of one of these verifications did not receive its state, or if another subscriber received a message.
    """
    expected = {state.id: orjson.dumps(message(state), option=orjson.OPT_SORT_KEYS) for state in states}
    canonical = {b"": b""}
    for socket in crowd.sockets:
        if socket.message not in canonical:
            canonical[socket.message] = orjson.dumps(orjson.loads(content(socket.message)), option=orjson.OPT_SORT_KEYS)
        if canonical[socket.message] != expected.get(socket.id, b""):
            raise Disagreement(f"{crowd.port}: the message of {socket.id} is {socket.message!r}, and not {expected.get(socket.id)!r}")
        socket.message = b""
