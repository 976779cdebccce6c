"""Writers send mutations. Each creates one verification after the other, reports its progress and its result, and records every answer."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random
from time import time
from typing import Any

import httpx2

from tests.ledger.gateways import Gateway, token
from tests.ledger.records import EVENT_FIELDS, Journal, Operation, Outcome, Written, event

ANSWER_SECONDS = 10.0
LEFT_UNKNOWN = 0.2
ANSWER = f"{{ ... on Verification {{ id version status events {{ {EVENT_FIELDS} }} }} ... on Refusal {{ code }} }}"
DOCUMENTS = {
    Operation.CREATE: f"mutation($input: CreateVerificationInput!) {{ answer: createVerification(input: $input) {ANSWER} }}",
    Operation.PROGRESS: f"mutation($input: ReportProgressInput!) {{ answer: reportProgress(input: $input) {ANSWER} }}",
    Operation.RESULT: f"mutation($input: ReportResultInput!) {{ answer: reportResult(input: $input) {ANSWER} }}",
    Operation.RETRY: f"mutation($input: RetryVerificationInput!) {{ answer: retryVerification(input: $input) {ANSWER} }}",
    Operation.ANONYMIZE: f"mutation($input: ID!) {{ answer: anonymizeVerification(id: $input) {ANSWER} }}",
}
STEPS = ("LINK_OPENED", "CAPTURE_STARTED", "CAPTURE_COMPLETED")
RESULTS = (
    ("VERIFIED",),
    ("FAILED", "IDVV_2101"),
    ("FAILED", "IDVV_2301", "IDVV_2402"),
    ("FAILED", "IDVV_1301"),
    ("INCONCLUSIVE", "IDVV_1201"),
    ("INCONCLUSIVE", "IDVV_1112", "IDVV_1202"),
    ("INCONCLUSIVE", "NEW_9001"),
)


@dataclass(frozen=True, slots=True)
class Mutation:
    """A mutation that may be sent more than once. The attributes have the same meaning as in `records.Written`."""

    operation: Operation
    name: str
    input: Any
    on: str | None = None
    claim: tuple[str, ...] = ()


@dataclass
class Book:
    """Collects the records of all writers, and the ids of the verifications that subscribers may follow."""

    journal: Journal
    written: list[Written] = field(default_factory=list)
    followable: list[str] = field(default_factory=list)

    def enter(self, write: Written) -> None:
        """Record a write in the journal first, then in memory."""
        self.journal.keep(write)
        self.written.append(write)
        if write.id and write.operation in (Operation.CREATE, Operation.RETRY) and write.id not in self.followable[-200:]:
            self.followable.append(write.id)


class Writer:
    """Sends mutations, and records the answers. For each mutation, it picks one of the two gateways at random."""

    def __init__(self, name: str, seed: int, gateways: Sequence[Gateway], client: httpx2.AsyncClient, book: Book, pause_seconds: float) -> None:
        self._name = name
        self._random = Random(f"{seed}:{name}")
        self._gateways = gateways
        self._client = client
        self._book = book
        self._pause_seconds = pause_seconds
        self._authorization = {"authorization": f"Bearer {token()}"}
        self._count = 0
        self.over = False

    async def run(self) -> None:
        """Create and change verifications until `over` is set."""
        while not self.over:
            await self.life()

    async def life(self) -> None:
        """Create a verification, and report the progress and the results of all attempts in its chain."""
        key = self._next("key")
        input = {
            "firstName": "Ada",
            "lastName": "Lovelace",
            "redirectionUrl": "https://example.com/done",
            "reference": self._name,
            "idempotencyKey": key,
        }
        created = await self._send_until_answered(Mutation(Operation.CREATE, key, input))
        id = created.id if created else None
        while id and not self.over:
            id = await self.attempt(id)

    async def attempt(self, id: str) -> str | None:
        """Report the progress and the results of one attempt, and maybe retry or anonymize it. Returns the id of the retry, or None."""
        for step in STEPS:
            if self._random.random() < 0.8:
                await self._send_until_answered(self._progress(id, step))
        if self._random.random() < 0.12:
            return None
        results = [self._result(id, result) for result in self._random.sample(RESULTS, self._random.choice((1, 1, 1, 2, 3)))]
        if self._random.random() < 0.2:
            # Sometimes, send all results at the same time, through either gateway. Only one of them can become the final status.
            await asyncio.gather(*(self._send_until_answered(result) for result in results))
        else:
            for result in results:
                await self._send_until_answered(result)
        next: str | None = None
        if results[0].claim[0] != "VERIFIED" and self._random.random() < 0.7:
            retried = await self._send_until_answered(
                Mutation(Operation.RETRY, f"retry-{id}", {"verificationId": id, "firstName": "Ada", "lastName": "Byron"}, id)
            )
            next = retried.id if retried else None
            if next and self._random.random() < 0.3:
                await self._send_until_answered(self._result(id, self._random.choice(RESULTS)))
        if self._random.random() < 0.3:
            await self._send_until_answered(Mutation(Operation.ANONYMIZE, f"anonymize-{id}", id, id))
        return next

    def _progress(self, id: str, step: str) -> Mutation:
        name = self._next("step")
        return Mutation(Operation.PROGRESS, name, {"verificationId": id, "progress": step, "eventId": name}, id, (step,))

    def _result(self, id: str, result: tuple[str, ...]) -> Mutation:
        name = self._next("result")
        return Mutation(Operation.RESULT, name, {"verificationId": id, "status": result[0], "reasonCodes": result[1:], "eventId": name}, id, result)

    def _next(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}-{self._name}-{self._count}"

    async def _send_until_answered(self, mutation: Mutation) -> Written | None:
        """Send a mutation until it is answered. Returns the acknowledged write, or None.

        Sometimes the mutation is first sent through both gateways at the same time. Sometimes the writer gives up without an answer, as clients may.
        """
        await asyncio.sleep(self._random.uniform(0.2, 1.8) * self._pause_seconds)
        if self._random.random() < 0.1:
            await asyncio.gather(*(self._send(mutation, gateway) for gateway in self._gateways))
        while True:
            write = await self._send(mutation, self._random.choice(self._gateways))
            if write.outcome is Outcome.ACKNOWLEDGED:
                return write
            if write.outcome is Outcome.REFUSED and write.code != "CONFLICT":
                return None
            if write.outcome is Outcome.UNKNOWN and self._random.random() < LEFT_UNKNOWN:
                return None
            await asyncio.sleep(self._random.uniform(0.1, 0.8))

    async def _send(self, mutation: Mutation, gateway: Gateway) -> Written:
        write = await self._answered(mutation, gateway)
        self._book.enter(write)
        return write

    async def _answered(self, mutation: Mutation, gateway: Gateway) -> Written:
        sent_at = time()
        unknown = Written(mutation.operation, mutation.name, mutation.on, mutation.claim, Outcome.UNKNOWN, sent_at, sent_at)
        body = {"query": DOCUMENTS[mutation.operation], "variables": {"input": mutation.input}}
        try:
            response = await self._client.post(f"{gateway.url}/graphql", json=body, headers=self._authorization, timeout=ANSWER_SECONDS)
            answer = response.json()
        except (httpx2.HTTPError, AttributeError, ValueError) as error:
            # AttributeError is not a bug here: the HTTP client raises it if a connection is reset while it is being opened, because the client then
            # reads the address of the other end, which is gone.
            return replace(unknown, answered_at=time(), code=type(error).__name__)
        unknown = replace(unknown, answered_at=time())
        if "errors" in answer:
            return replace(unknown, code=answer["errors"][0]["extensions"]["code"])
        data = answer["data"]["answer"]
        if "code" in data:
            return replace(unknown, outcome=Outcome.REFUSED, code=data["code"])
        events = tuple(map(event, data["events"]))
        return replace(unknown, outcome=Outcome.ACKNOWLEDGED, id=data["id"], version=data["version"], events=events)
