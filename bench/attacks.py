"""Attacks on a running gateway that last for some seconds. Each runs in a process of its own, with a low priority.

python -m bench.attacks NAME < PLAN.json, where PLAN.json is an object with the fields of `Plan`. Prints how many operations, or messages, were sent.
"""

import asyncio
import gzip
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from time import monotonic
from typing import Any

import httpx2
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from store.cursor import encode_watermark

LOWEST_PRIORITY = 19
PROTOCOL = Subprotocol("graphql-transport-ws")
FEED = "subscription($after: String, $filter: VerificationFilter) { verificationsUpdated(after: $after, filter: $filter) { cursor } }"
EVERYTHING = """
id version workspaceId reference status phase recommendedAction billable canRetry verificationUrl redirectionUrl createdAt updatedAt expiresAt
openedAt linkExpiresAt completedAt anonymizedAt attempt retryAdvice reasons { code type statuses description retryAdvice } provider { name id }
events { version type actor at fromStatus toStatus note reasons { code } }
declaredIdentity { firstName lastName } extractedDocument { fullName bornOn type issuingCountryCode nationalIdentificationNumber }
"""
COUNT = "query($at: DateTime) { verifications(first: 1, filter: { createdAfter: $at }) { totalCount } }"
STATISTICS = "query($at: DateTime) { verificationStats(filter: { createdAfter: $at }) { total medianSecondsToResult byReason { count } } }"
POINT = "query($id: ID!) { verification(id: $id) { status } }"


@dataclass(frozen=True, slots=True)
class Plan:
    """What an attack needs. `url`: the address of the gateway. `tokens`: the tokens of the callers who attack; empty if the attack needs none.
    `ids`: verifications that these callers may read.

    `seconds`: how long the attack lasts.
    """

    url: str
    tokens: list[str]
    ids: list[str]
    seconds: float

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a request of the first caller."""
        return {"authorization": f"Bearer {self.tokens[0]}", "content-type": "application/json"}


class Attacking:
    """The state of an attack: its plan, the time at which it ends, and how many operations it has sent."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.sent = 0
        self._end = monotonic() + plan.seconds

    @property
    def goes_on(self) -> bool:
        """Whether the attack is not over yet."""
        return monotonic() < self._end

    async def together(self, number: int, attack: Callable[[int], Awaitable[None]]) -> None:
        """Run `number` tasks at the same time. Each calls `attack` with the number of the task, again and again until the attack is over."""

        async def repeatedly(each: int) -> None:
            while self.goes_on:
                # The gateway closes connections and sockets of attackers. The next call of `attack` connects again.
                with suppress(ConnectionClosed, InvalidHandshake, httpx2.HTTPError, OSError, TimeoutError):
                    await attack(each)

        async with asyncio.TaskGroup() as tasks:
            for each in range(number):
                tasks.create_task(repeatedly(each))

    @asynccontextmanager
    async def socket(self, token: str | None = None) -> AsyncIterator[ClientConnection]:
        """An open WebSocket. If a token is passed, the socket has sent it in connection_init, and the gateway has acknowledged it."""
        address = f"{self.plan.url.replace('http', 'ws', 1)}/graphql"
        async with connect(address, subprotocols=[PROTOCOL], compression=None, ping_interval=None, max_queue=None, close_timeout=0.1) as socket:
            if token:
                await socket.send(orjson.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}).decode())
                await socket.recv()
            yield socket

    async def flood(self, connections: int, content: Callable[[int], bytes], method: str = "POST", path: str = "/graphql", **headers: str) -> None:
        """Send requests on several connections. Each connection sends its next request as soon as the previous one was answered.
        `content`: returns the body of a request. Its argument is the number of the request.
        """
        numbers = count()
        tokens = self.plan.tokens
        async with httpx2.AsyncClient(base_url=self.plan.url, timeout=60, trust_env=False) as client:

            async def send(each: int) -> None:
                bearer = {"authorization": f"Bearer {tokens[each % len(tokens)]}"} if tokens else {}
                self.sent += 1
                await client.request(method, path, content=content(next(numbers)), headers={**bearer, "content-type": "application/json", **headers})

            await self.together(connections, send)


# A function that runs an attack until its end.
Attack = Callable[[Attacking], Coroutine[Any, Any, None]]


def body(query: str, **variables: object) -> bytes:
    """The body of a request."""
    return orjson.dumps({"query": query, "variables": variables})


def ago(seconds: float) -> str:
    """The instant that was this many seconds ago, as text in ISO 8601."""
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


async def resumed(attacking: Attacking, began: Callable[[int], datetime]) -> None:
    """Open a WebSocket and resume a feed 100 times on it, again and again.
    `began`: returns the instant that the cursor of a subscription contains. Its argument is the number of the subscription.
    """
    numbers = count()

    async def attack(_: int) -> None:
        async with attacking.socket(attacking.plan.tokens[0]) as socket:
            for each in range(100):
                after = encode_watermark(began(next(numbers)))
                payload = {"query": FEED, "variables": {"after": after, "filter": {"status": ["VERIFIED"]}}}
                await socket.send(orjson.dumps({"type": "subscribe", "id": str(each), "payload": payload}).decode())
                attacking.sent += 1
            while attacking.goes_on:
                async with asyncio.timeout(1):
                    await socket.recv()

    await attacking.together(1, attack)


async def waiting_subscriptions(attacking: Attacking) -> None:
    """Open 8,000 subscriptions of one caller, who can hardly pay for their messages, and let changes of the workspace wake the subscriptions."""
    create = 'mutation { createVerification(input: { firstName: "A", lastName: "B", redirectionUrl: "https://example.com" }) { __typename } }'
    subscribe = [
        orjson.dumps({"type": "subscribe", "id": str(each), "payload": {"query": "subscription { verificationsUpdated { cursor } }"}}).decode()
        for each in range(100)
    ]
    subscriber, writer = attacking.plan.tokens

    async def attack(number: int) -> None:
        # Task 80, the last one, creates verifications, which changes the workspace. Each of the others opens a socket with 100 subscriptions.
        if number == 80:
            async with httpx2.AsyncClient(base_url=attacking.plan.url, headers={"authorization": f"Bearer {writer}"}, trust_env=False) as client:
                while attacking.goes_on:
                    await client.post("/graphql", json={"query": create})
                    await asyncio.sleep(0.2)
        async with attacking.socket(subscriber) as socket:
            for message in subscribe:
                # Opening all subscriptions at once would be another attack, which the rate of a caller prevents.
                await asyncio.sleep(0.03)
                await socket.send(message)
                attacking.sent += 1
            while attacking.goes_on:
                async with asyncio.timeout(5):
                    await socket.recv()

    await attacking.together(81, attack)


async def pings(attacking: Attacking, text: str, begun: bool) -> None:
    """Send one message again and again, 18 times a second, on ten WebSockets. `begun`: whether connection_init is sent first."""

    async def attack(_: int) -> None:
        async with attacking.socket(attacking.plan.tokens[0] if begun else None) as socket:
            while attacking.goes_on:
                await socket.send(text)
                attacking.sent += 1
                await asyncio.sleep(1 / 18)

    await attacking.together(10, attack)


LARGE_PING = '{"type":"ping","payload":{"x":[' + "[]," * 20_000 + "[]]}}"
SMALL_PING = '{"type":"ping","payload":{"x":"' + "x" * 1000 + '"}}'
BOMB = gzip.compress(orjson.dumps({"query": "{ me { subject } }", "x": "x" * 250_000}))
PARAMETERS = "/graphql?query=%7Bme%7Bsubject%7D%7D" + "&" * 15_500
PAGE = "p%d: verifications(first: %d) { edges { cursor node { " + EVERYTHING + " } } }"
PAGES = " ".join(PAGE % (size, size) for size in (100, 99, 98, 97))
# These three pages have 250 rows together: as many as an operation may select.
MOST_ROWS = " ".join(PAGE % (size, size) for size in (100, 99, 51))
MISSING = " ".join(f'a{number}: verification(id: "ver_{number:032x}") {{ status }}' for number in range(50))


def flooding(connections: int, content: Callable[[int], bytes], **options: str) -> Attack:
    """An attack that floods the gateway with requests: it calls `Attacking.flood` with these arguments."""
    return lambda attacking: attacking.flood(connections, content, **options)


ATTACKS: dict[str, Attack] = {
    "a feed resumed from 1970, 100 times": lambda attacking: resumed(attacking, lambda number: datetime.fromtimestamp(number, UTC)),
    "a feed resumed over 100,000 changes, 100 times": lambda attacking: resumed(
        attacking, lambda number: datetime.now(UTC) - timedelta(hours=5, minutes=number)
    ),
    "8,000 subscriptions without a budget": waiting_subscriptions,
    "pings of 60 kB": lambda attacking: pings(attacking, LARGE_PING, True),
    "pings of 60 kB before connection_init": lambda attacking: pings(attacking, LARGE_PING, False),
    "pings of 1 kB": lambda attacking: pings(attacking, SMALL_PING, True),
    "totalCount since 20 instants": flooding(20, lambda number: body(COUNT, at=ago(86_400 * 30 + number))),
    "verificationStats since 20 instants": flooding(20, lambda number: body(STATISTICS, at=ago(86_400 * 30 + number))),
    "one caller, 20 connections": lambda attacking: attacking.flood(20, lambda _: body(POINT, id=attacking.plan.ids[0])),
    "60 follow tokens": lambda attacking: attacking.flood(60, lambda _: body(POINT, id=attacking.plan.ids[0])),
    "15,500 parameters": flooding(10, lambda _: b"", method="GET", path=PARAMETERS),
    "a compressed body of 250 kB": flooding(10, lambda _: BOMB, **{"content-encoding": "gzip"}),
    "no token": flooding(10, lambda _: b"{"),
    "a token that is not valid": flooding(10, lambda number: b"{", authorization="Bearer x.y.z"),
    "4 pages with everything selected": flooding(4, lambda _: body("{" + PAGES + "}")),
    "50 ids that don't exist": flooding(4, lambda _: body("{" + MISSING + "}")),
}


def main() -> None:
    """Run the attack that the command line names, with the plan on the standard input."""
    os.nice(LOWEST_PRIORITY)
    attacking = Attacking(Plan(**orjson.loads(sys.stdin.buffer.read())))
    asyncio.run(ATTACKS[sys.argv[1]](attacking))
    print(attacking.sent)


if __name__ == "__main__":
    main()
