"""A client with one live subscription over a WebSocket. After the end of its connection it connects again, with the pauses of `web/client`."""

import asyncio
import socket
from collections import Counter
from dataclasses import asdict, dataclass, field
from random import Random
from time import monotonic
from typing import Any, NamedTuple

import orjson

from bench.sockets import SUBPROTOCOL, ClientSocket, content

FOLLOW = (
    "subscription($id: ID!, $after: Int) { update: verificationUpdated(id: $id, after: $after) "
    "{ verification { id version status } events { version } } }"
)
# The pauses of web/client/src/connection.ts: the first one, the longest one, and how long a connection must last so that earlier failures no longer
# count.
MIN_WAIT_SECONDS, MAX_WAIT_SECONDS, STABLE_SECONDS = 0.5, 15.0, 5.0
# How long an attempt may take until its first message arrives.
REPLY_SECONDS = 10.0
CLOSE_FRAME = 0x8
# After these close codes, and after three refused tokens in a row, web/client does not connect again.
FATAL_CODES = frozenset({"1009", "4400", "4406"})
TOKEN_REFUSED, MAX_REFUSED_TOKENS = "4403", 3
# The errors of a subscription after which web/client subscribes again.
TEMPORARY = frozenset({"UNAVAILABLE", "TIMEOUT", "RATE_LIMITED"})


class Assignment(NamedTuple):
    """What a client follows. `token`: its follow token. `source`: the IP address from which it connects."""

    id: str
    token: str
    source: str


@dataclass(slots=True)
class ClientRecord:
    """What a client has received. All times are those of `time.monotonic`, which all processes of a machine share.

    `version`: the version in the last message, which arrived at `arrived_at`. `back_at`: when the first message of the latest connection arrived.
    `breaches`: events that were missing, repeated or out of order. `given_up`: why the client does not connect again; empty if it does.
    """

    id: str
    version: int = 0
    arrived_at: float = 0.0
    back_at: float = 0.0
    attempts: int = 0
    given_up: str = ""
    breaches: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The record as an object of JSON."""
        return asdict(self)


class ReconnectingClient(ClientSocket):
    """One client. `endings`: counts why connections ended, for all clients of the process. `followed`: set when the first message has arrived."""

    def __init__(self, target: tuple[str, int], assigned: Assignment, random: Random, endings: Counter[str]) -> None:
        super().__init__("{}:{}".format(*target), SUBPROTOCOL)
        self.record = ClientRecord(assigned.id)
        self.followed = asyncio.Event()
        self.connected = False
        self._target = target
        self._assigned = assigned
        self._random = random
        self._endings = endings
        self._ending = ""
        self._failures = self._refused_tokens = 0
        self._connected_at = 0.0
        self._wait_seconds = 0.0
        self._silence: asyncio.TimerHandle | None = None
        self._connecting: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin an attempt to connect, unless the client has given up."""
        if not self.record.given_up:
            self._connecting = asyncio.create_task(self._connect())

    async def _connect(self) -> None:
        self.record.attempts += 1
        self._ending = ""
        loop = asyncio.get_running_loop()
        opened = socket.socket()
        opened.setblocking(False)
        try:
            opened.bind((self._assigned.source, 0))
            async with asyncio.timeout(REPLY_SECONDS):
                await loop.sock_connect(opened, self._target)
            await loop.create_connection(lambda: self, sock=opened)
        except OSError as error:
            opened.close()
            self._ending = type(error).__name__
            self._lost()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Request the upgrade, and limit the time until the first message."""
        super().connection_made(transport)
        self._silence = asyncio.get_running_loop().call_later(REPLY_SECONDS, self._give_up_attempt)

    def upgraded(self) -> None:
        """Send the token."""
        self.send(type="connection_init", payload={"authorization": f"Bearer {self._assigned.token}"})

    def received(self, message: bytes) -> None:
        """Subscribe after the acknowledgement. Record a message of the subscription."""
        match orjson.loads(content(message)):
            case {"type": "connection_ack"}:
                variables = {"id": self._assigned.id, "after": self.record.version or None}
                self.send(type="subscribe", id="1", payload={"query": FOLLOW, "variables": variables})
            case {"type": "next", "payload": {"data": {"update": dict() as update}}}:
                self._take(update)
            case {"type": "next", "payload": {"errors": [{"extensions": extensions}, *_]}}:
                self._refuse(extensions)
            case {"type": "error", "payload": [{"extensions": extensions}, *_]}:
                self._refuse(extensions)
            case other:
                self._stop(f"unexpected message {other['type']}")

    def refused(self, why: str, message: bytes) -> None:
        """End the connection, because the server refused the handshake or closes the socket."""
        is_closed = self.open and message[0] & 0xF == CLOSE_FRAME
        self._ending = str(int.from_bytes(content(message)[:2])) if is_closed else message[9:12].decode("latin-1")
        self._refused_tokens += self._ending == TOKEN_REFUSED
        if self._ending in FATAL_CODES or self._refused_tokens >= MAX_REFUSED_TOKENS:
            self.record.given_up = self._ending
        self.close()

    def connection_lost(self, error: Exception | None) -> None:
        """Connect again after a pause, unless the client has given up."""
        if self._silence:
            self._silence.cancel()
        self._lost()

    def _take(self, update: dict[str, Any]) -> None:
        now, record = monotonic(), self.record
        if not self.connected:
            self.connected = True
            self._connected_at = record.back_at = now
            self._failures, self._refused_tokens = min(self._failures, 1), 0
            if self._silence:
                self._silence.cancel()
        version, events = update["verification"]["version"], [event["version"] for event in update["events"]]
        expected = [*range(record.version + 1, version + 1)] if record.version else []
        if events != expected:
            record.breaches.append(f"events {events} after version {record.version}, in place of {expected}")
        if version != record.version:
            record.version, record.arrived_at = version, now
        self.followed.set()

    def _refuse(self, extensions: dict[str, Any]) -> None:
        """React to an error that has ended the subscription: connect again if the error is temporary, otherwise give up."""
        code = extensions["code"]
        if code not in TEMPORARY:
            return self._stop(code)
        self._ending, self._wait_seconds = code, extensions.get("retryAfterMs", 0) / 1000
        return self.close()

    def _stop(self, why: str) -> None:
        self._ending = self.record.given_up = why
        self.close()

    def _give_up_attempt(self) -> None:
        self._ending = "no answer"
        if self.transport:
            self.transport.abort()

    def _lost(self) -> None:
        self._endings[self._ending or "cut"] += 1
        now, self.connected = monotonic(), False
        if self.record.given_up:
            return
        if self._connected_at and now - self._connected_at > STABLE_SECONDS:
            self._failures = 0
        self._connected_at = 0.0
        wait = max(backoff(self._failures, self._random), self._wait_seconds)
        self._failures += 1
        self._wait_seconds = 0.0
        asyncio.get_running_loop().call_later(wait, self.start)


def backoff(failures: int, random: Random) -> float:
    """How many seconds to wait after this number of failures in a row: the function `backoff` of web/client/src/connection.ts."""
    return random.uniform(0.5, 1.0) * float(min(MIN_WAIT_SECONDS * 2**failures, MAX_WAIT_SECONDS))
