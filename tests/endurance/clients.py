"""The clients of the endurance run: integrators, individuals, the provider, readers, subscribers and Prometheus."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing
from random import Random
from time import monotonic
from typing import Any

import httpx2
from websockets.exceptions import ConnectionClosed

from tests.endurance.samples import Samples
from tests.fakes.yousign import FakeYousign
from tests.ledger.connections import Complete, Connection, StreamEnded, event_streams, socket
from tests.serving import ACME

CREATE = (
    "mutation($input: CreateVerificationInput!) { answer: createVerification(input: $input) "
    "{ ... on Verification { id provider { id } } ... on Refusal { code } } }"
)
STARTED = "query($id: ID!) { answer: verification(id: $id) { id provider { id } } }"
# The declared identity is personal data. So each of these queries is a line of the audit log.
READ = "query($id: ID!) { answer: verification(id: $id) { id status version declaredIdentity { lastName } reasons { code } } }"
LIST = "query { answer: verifications(first: 20) { totalCount edges { node { id status attempts { id version } } } } }"
FOLLOW = (
    "subscription($id: ID!) { answer: verificationUpdated(id: $id, after: 0) { cursor verification { id status version } events { version type } } }"
)
FEED = "subscription($after: String) { answer: verificationsUpdated(after: $after) { cursor verification { id status version } } }"
OUTCOMES = (("verified", ()), ("failed", ("IDVV_2101",)), ("inconclusive", ("IDVV_1201",)))
ANSWER_SECONDS = 30.0
FOLLOWING_SECONDS = 60.0
FEED_SECONDS = 60.0
SCRAPE_SECONDS = 5.0
RECENT = 200


class Clients:
    """All clients of the run. `counted`: what they have done. `failed`: what failed, by its kind."""

    def __init__(self, url: str, admin_url: str, token: str, fake: FakeYousign, client: httpx2.AsyncClient, samples: Samples, seed: int) -> None:
        self.counted: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self._url = url
        self._admin_url = admin_url
        self._token = token
        self._fake = fake
        self._client = client
        self._samples = samples
        self._random = Random(seed)
        self._recent: deque[str] = deque(maxlen=RECENT)

    async def create_regularly(self, per_second: float) -> None:
        """Begin verifications, until cancelled. Each is followed to its outcome."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                tasks.create_task(self._attempted("verification", self._life()))
                await asyncio.sleep(self._random.uniform(0.5, 1.5) / per_second)

    async def read_regularly(self, per_second: float) -> None:
        """Read single verifications and lists, until cancelled."""
        while True:
            await asyncio.sleep(self._random.uniform(0.5, 1.5) / per_second)
            await self._attempted("query", self._read())

    async def follow_feed(self, number: int) -> None:
        """Follow all verifications, and connect again every FEED_SECONDS with the last cursor, until cancelled."""
        cursor: str | None = None
        while True:
            began = monotonic()
            try:
                async with self._connection(number) as connection, asyncio.timeout(FEED_SECONDS), self._feed(connection, cursor) as messages:
                    async for message in messages:
                        cursor = message["cursor"]
                        self.counted["messages of feeds"] += 1
            except TimeoutError:
                self.counted["feeds resumed"] += 1
            except (Complete, StreamEnded, ConnectionClosed, OSError, httpx2.HTTPError) as error:
                self.failed[f"feed: {type(error).__name__}"] += 1
            await asyncio.sleep(max(0.0, 1 - (monotonic() - began)))

    async def scrape_regularly(self) -> None:
        """Read the metrics as Prometheus does, and the probes, until cancelled."""
        while True:
            await self._attempted("scrape", self._scrape())
            await asyncio.sleep(SCRAPE_SECONDS)

    def _feed(self, connection: Connection, cursor: str | None) -> AbstractAsyncContextManager[AsyncIterator[dict[str, Any]]]:
        return aclosing(connection.messages(FEED, {"after": cursor}))

    async def _attempted(self, what: str, work: Any) -> None:
        """Do some work, and count it, or its failure."""
        try:
            async with asyncio.timeout(FOLLOWING_SECONDS):
                await work
            self.counted[what] += 1
        except (OSError, TimeoutError, httpx2.HTTPError, ConnectionClosed, StreamEnded, Failed) as error:
            self.failed[f"{what}: {type(error).__name__} {error}"[:100]] += 1

    async def _life(self) -> None:
        """Create a verification, follow it, let the provider decide its outcome, and wait until the follower has received the outcome."""
        began = monotonic()
        input = {"firstName": "Ada", "lastName": "Lovelace", "redirectionUrl": "https://shop.example/done", "reference": "endurance"}
        created = await self._answered(CREATE, {"input": input})
        self._samples.measured("creation", monotonic() - began)
        self._recent.append(created["id"])
        provider_id = await self._started(created)
        following = self._connection(self._random.randrange(3))
        async with following as connection, aclosing(connection.messages(FOLLOW, {"id": created["id"]})) as messages:
            await anext(messages)
            await asyncio.sleep(self._random.uniform(1, 4))
            status, codes = self._random.choice(OUTCOMES)
            self._fake.decide(provider_id, status, list(codes))
            decided = monotonic()
            sending = asyncio.create_task(self._send_webhook(provider_id))
            await final(messages)
            self._samples.measured("lateness", monotonic() - decided)
            await sending

    async def _started(self, created: dict[str, Any]) -> str:
        """Wait until a verification was started at the provider. Returns the provider's id."""
        while not created["provider"]["id"]:
            await asyncio.sleep(0.2)
            created = await self._answered(STARTED, {"id": created["id"]})
        provider_id: str = created["provider"]["id"]
        return provider_id

    async def _send_webhook(self, provider_id: str) -> None:
        content, headers = self._fake.webhook(provider_id)
        response = await self._client.post(f"{self._url}/webhooks/{ACME}", content=content, headers=headers)
        if response.status_code != 200:
            raise Failed(f"webhook: status {response.status_code}")
        self.counted["webhooks of the provider"] += 1

    async def _read(self) -> None:
        single = self._recent and self._random.random() < 0.8
        began = monotonic()
        await (self._answered(READ, {"id": self._random.choice(self._recent)}) if single else self._answered(LIST, {}))
        self._samples.measured("read", monotonic() - began)

    async def _scrape(self) -> None:
        for path in ("metrics", "readyz", "healthz"):
            response = await self._client.get(f"{self._admin_url}/{path}")
            if not response.is_success:
                raise Failed(f"/{path}: status {response.status_code}")

    async def _answered(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self._token}"}
        response = await self._client.post(f"{self._url}/graphql", json={"query": query, "variables": variables}, headers=headers)
        answer = response.json()
        if "errors" in answer:
            raise Failed(answer["errors"][0]["extensions"]["code"])
        found: dict[str, Any] = answer["data"]["answer"] or {}
        if "code" in found:
            raise Failed(found["code"])
        return found

    def _connection(self, number: int) -> AbstractAsyncContextManager[Connection]:
        """A connection of a subscriber: every third one uses event streams, the others use sockets."""
        return event_streams(self._url, self._token) if number % 3 == 2 else socket(self._url, self._token, slow=False)


class Failed(Exception):
    """A request was not answered as it must be."""


async def final(messages: AsyncIterator[dict[str, Any]]) -> None:
    """Read messages until the subscription completes. Raises: Failed if the last message shows no outcome."""
    status = "none"
    try:
        async for message in messages:
            status = message["verification"]["status"]
    except Complete:
        if status not in ("VERIFIED", "FAILED", "INCONCLUSIVE"):
            raise Failed(f"completed with the status {status}") from None
