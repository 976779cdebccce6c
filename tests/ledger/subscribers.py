"""Subscribers over WebSockets and event streams. They use no GraphQL client library, so that every message is controlled and recorded."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from enum import Enum
from random import Random
from time import monotonic, time
from typing import Any

import httpx2
from websockets.exceptions import ConnectionClosed, WebSocketException

from tests.ledger.checker import behind, later, outdated
from tests.ledger.connections import Complete, Connection, Refused, StreamEnded, event_streams, socket
from tests.ledger.gateways import Gateway, token
from tests.ledger.records import (
    EVENT_FIELDS,
    Document,
    Ended,
    Entry,
    FeedItem,
    How,
    Journal,
    Kind,
    Listed,
    Log,
    Row,
    Subscribed,
    Updated,
    event,
)

VISIT_SECONDS = 60.0
# The errors of a connection that broke, or that could not be opened. The HTTP client raises AttributeError if a connection is reset while it is being
# opened.
FAILURES = (OSError, EOFError, WebSocketException, StreamEnded, httpx2.HTTPError, AttributeError, json.JSONDecodeError)
ROW = "{ id version status attempt }"
FOLLOW = (
    "subscription($id: ID!, $after: Int, $cursor: String, $chain: Boolean!) "
    "{ answer: verificationUpdated(id: $id, after: $after, cursor: $cursor, followRetries: $chain) "
    f"{{ cursor verification {{ id version status }} events {{ {EVENT_FIELDS} }} }} }}"
)
FEED = (
    "subscription($filter: VerificationFilter, $after: String) { answer: verificationsUpdated(filter: $filter, after: $after) "
    f"{{ cursor verification {ROW} }} }}"
)
LIST = (
    "query($filter: VerificationFilter, $after: String) { answer: verifications(filter: $filter, orderBy: CREATED_OLDEST, first: 100, after: $after) "
    f"{{ edges {{ node {ROW} }} pageInfo {{ hasNextPage endCursor }} }} }}"
)


class Trait(Enum):
    """How a subscriber behaves. DROPPING: often disconnects. SLOW: reads slowly. WITNESS: steady, and connects without the proxy."""

    STEADY = "steady"
    DROPPING = "dropping"
    SLOW = "slow"
    WITNESS = "witness"


class Subscriber:
    """The base class of subscribers: connects, and connects again whenever a connection or a subscription ends."""

    def __init__(self, log: Log, trait: Trait, seed: int, gateways: Sequence[Gateway], journal: Journal) -> None:
        self.log = log
        self.trait = trait
        self.random = Random(f"{seed}:{log.name}")
        self.calm = False
        self._gateways = gateways
        self._home = self.random.randrange(len(gateways))
        self._journal = journal
        self._connection: Connection | None = None

    def keep(self, entry: Entry) -> None:
        """Record an entry in the journal and in the log."""
        self._journal.keep(entry)
        self.log.entries.append(entry)

    def cut(self) -> None:
        """Abort the connection without a close handshake, as if the network had failed."""
        if self._connection:
            self._connection.abort()

    async def run(self) -> None:
        """Follow forever. After the end of each connection, connect again: with a probability of one half to the other gateway, if there is one."""
        while True:
            try:
                async with asyncio.timeout(self._stay_seconds()):
                    gateway = self._gateway()
                    async with self.connected(gateway) as connection:
                        await self.session(connection, gateway)
            except TimeoutError:
                self.keep(Ended(time(), How.LEFT, ""))
            except ConnectionClosed as closed:
                self.keep(ending(closed))
            except Complete:
                self.keep(Ended(time(), How.COMPLETE, ""))
            except Refused as refused:
                self.keep(Ended(time(), How.ERROR, refused.code))
            except FAILURES as error:
                self.keep(Ended(time(), How.CUT, type(error).__name__))
            await asyncio.sleep(self.random.uniform(0.1, 1.0))

    async def session(self, connection: Connection, gateway: Gateway) -> None:
        """Subscribe over this connection, and record all messages."""
        raise NotImplementedError

    def caught_up(self, documents: Mapping[str, Document]) -> bool:
        """Whether the open subscription has delivered the state in these documents, which are the content of the database at the end of a run."""
        raise NotImplementedError

    def _stay_seconds(self) -> float | None:
        return self.random.uniform(0.5, 8) if self.trait is Trait.DROPPING and not self.calm else None

    def _gateway(self) -> Gateway:
        if self.random.random() < 0.5:
            self._home = (self._home + 1) % len(self._gateways)
        return self._gateways[self._home]

    @asynccontextmanager
    async def connected(self, gateway: Gateway) -> AsyncIterator[Connection]:
        """Connect to a gateway with a token. The connection is aborted at the end of the context.

        Subscribers with the trait DROPPING use tokens that expire soon. A WITNESS connects to the gateway itself, without the proxy.
        """
        url = gateway.direct_url if self.trait is Trait.WITNESS else gateway.url
        lasting = timedelta(seconds=self.random.uniform(3, 20)) if self.trait is Trait.DROPPING and not self.calm else timedelta(hours=24)
        opening = event_streams(url, token(lasting)) if self.log.event_streams else socket(url, token(lasting), slow=self.trait is Trait.SLOW)
        async with opening as connection:
            self._connection = connection
            try:
                yield connection
            finally:
                self._connection = None

    async def messages(
        self, connection: Connection, query: str, variables: dict[str, Any], last_event_id: str | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """Send a subscription. Yields the value of its field in each message. A SLOW subscriber waits after each message."""
        async with aclosing(connection.messages(query, variables, last_event_id)) as messages:
            async for message in messages:
                yield message
                if self.trait is Trait.SLOW and not self.calm:
                    await asyncio.sleep(self.random.choice((0.1, 0.3, 0.6, 5.0)))


class Follower(Subscriber):
    """Follows one verification or one chain after the other.

    A chain is resumed with the cursor of the last message, a single verification with the last version.
    """

    def __init__(self, log: Log, trait: Trait, seed: int, gateways: Sequence[Gateway], journal: Journal, followable: Sequence[str]) -> None:
        super().__init__(log, trait, seed, gateways, journal)
        self._followable = followable
        self._target: str | None = None
        self._live = self._answered = False
        self._runs: dict[str, dict[str, int]] = {}
        self._cursors: dict[str, str] = {}

    async def session(self, connection: Connection, gateway: Gateway) -> None:
        """Follow one verification after the other. Sometimes follow the same one again after its end, because events can still be added to it."""
        while True:
            if self._target is None or self.random.random() < 0.6:
                while not self._followable:
                    await asyncio.sleep(0.1)
                self._target = self.random.choice(self._followable[-12:])
            try:
                await self._follow(connection, gateway, self._target)
            except Refused as refused:
                if refused.code == "NOT_FOUND":
                    self._target = None
                raise
            await asyncio.sleep(self.random.uniform(0.2, 2.0))

    async def _follow(self, connection: Connection, gateway: Gateway, id: str, until: Mapping[str, Document] | None = None) -> None:
        run = self._runs.setdefault(id, {})
        cursor = self._cursors.get(id) if self.log.kind is Kind.CHAIN else None
        after = None if cursor else run.get(id, self.random.choice((None, 0)))
        self.keep(Subscribed(time(), gateway.name, id, after, cursor))
        self._live, self._answered = True, False
        variables = {"id": id, "after": after, "chain": self.log.kind is Kind.CHAIN}
        # In an event stream, the id of a message is its cursor. It may be sent in the header Last-Event-ID instead of in the argument `cursor`.
        by_header = cursor if self.log.event_streams and self.random.random() < 0.5 else None
        try:
            async for message in self.messages(connection, FOLLOW, {**variables, "cursor": None if by_header else cursor}, by_header):
                self._take(run, message)
                self._cursors[id] = message["cursor"]
                if until and not behind(until, self.log.kind, id, run):
                    return self.keep(Ended(time(), How.LEFT, ""))
        except Complete:
            self.keep(Ended(time(), How.COMPLETE, ""))
        finally:
            self._live = False
        return None

    def _take(self, run: dict[str, int], message: dict[str, Any]) -> None:
        verification = message["verification"]
        id, version = verification["id"], verification["version"]
        self.keep(Updated(time(), id, version, verification["status"], tuple(map(event, message["events"]))))
        run[id] = max(version, run.get(id, 0))
        self._answered = True

    def caught_up(self, documents: Mapping[str, Document]) -> bool:
        """Whether nothing is left to receive: no subscription is open, or the open one was answered and has delivered each version in `documents`."""
        run = self._runs.get(self._target or "", {})
        return not self._live or (self._answered and not behind(documents, self.log.kind, self._target or "", run))

    async def visit(self, documents: Mapping[str, Document]) -> None:
        """Follow each verification whose final state was not received, until it is received.

        Connects again as often as necessary, for at most VISIT_SECONDS.
        """
        self.calm = True
        deadline = monotonic() + VISIT_SECONDS
        while monotonic() < deadline and (left := self._left(documents)):
            try:
                gateway = self._gateway()
                async with asyncio.timeout(VISIT_SECONDS), self.connected(gateway) as connection:
                    for id in left:
                        await self._follow(connection, gateway, id, documents)
            except ConnectionClosed as closed:
                self.keep(ending(closed))
            except Refused as refused:
                self.keep(Ended(time(), How.ERROR, refused.code))
            except FAILURES as error:
                self.keep(Ended(time(), How.CUT, type(error).__name__))

    def _left(self, documents: Mapping[str, Document]) -> list[str]:
        return [id for id, run in self._runs.items() if run and behind(documents, self.log.kind, id, run)]


class FeedFollower(Subscriber):
    """Follows the workspace. Subscribes, reads the list after the first message, and resumes from the last cursor after an interruption."""

    def __init__(self, log: Log, trait: Trait, seed: int, gateways: Sequence[Gateway], journal: Journal, client: httpx2.AsyncClient) -> None:
        super().__init__(log, trait, seed, gateways, journal)
        self._client = client
        self._latest: str | None = None
        self._cursor: str | None = None
        self._rows: dict[str, Row] = {}
        self._filter = {"status": log.filter.status, "firstAttemptsOnly": log.filter.first_attempts_only}

    async def session(self, connection: Connection, gateway: Gateway) -> None:
        """Follow the workspace from the last cursor. If there is none, follow it from now on, and read the list after the first message."""
        after = self._cursor
        if after is None:
            self._rows = {}
        self.keep(Subscribed(time(), gateway.name, None, after))
        listing: asyncio.Task[None] | None = None
        try:
            async for message in self.messages(connection, FEED, {"filter": self._filter, "after": after}):
                row = message["verification"] and Row(**message["verification"])
                self._latest = message["cursor"]
                self.keep(FeedItem(time(), message["cursor"], row))
                if row:
                    self._rows[row.id] = later(row, self._rows.get(row.id))
                if after is None and listing is None:
                    # Read the list in the background, while messages arrive. If the list and a message contain the same verification, the newer
                    # state is kept.
                    listing = asyncio.create_task(self._list(gateway))
                elif listing and listing.done():
                    listing.result()
                if self._cursor:
                    self._cursor = self._latest
        except Refused as refused:
            if refused.code == "LAGGED":
                self._cursor = None
            raise
        finally:
            if listing:
                listing.cancel()
                await asyncio.wait([listing])

    async def _list(self, gateway: Gateway) -> None:
        headers = {"authorization": f"Bearer {token()}"}
        rows: list[Row] = []
        after: str | None = None
        while True:
            body = {"query": LIST, "variables": {"filter": self._filter, "after": after}}
            answer = (await self._client.post(f"{gateway.url}/graphql", json=body, headers=headers)).json()
            if "errors" in answer:
                await asyncio.sleep(0.3)
                continue
            rows += [Row(**edge["node"]) for edge in answer["data"]["answer"]["edges"]]
            if not answer["data"]["answer"]["pageInfo"]["hasNextPage"]:
                break
            after = answer["data"]["answer"]["pageInfo"]["endCursor"]
        self.keep(Listed(time(), tuple(rows)))
        for row in rows:
            self._rows[row.id] = later(row, self._rows.get(row.id))
        self._cursor = self._latest

    def caught_up(self, documents: Mapping[str, Document]) -> bool:
        """Whether the list was read, and the state of every verification in these documents was received."""
        return self._cursor is not None and not any(outdated(documents, self.log, self._rows))


def ending(closed: ConnectionClosed) -> Ended:
    """The record of the end of a connection: CLOSED with a code if the server closed it, otherwise CUT."""
    return Ended(time(), How.CLOSED, str(closed.rcvd.code)) if closed.rcvd and closed.rcvd_then_sent else Ended(time(), How.CUT, "")
