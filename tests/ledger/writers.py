"""Those who write: each leads verifications through lives, one after the other, and writes down what was acknowledged."""

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
class Wish:
    """A mutation to send, as often as it takes."""

    operation: Operation
    name: str
    input: Any
    on: str | None = None
    claim: tuple[str, ...] = ()


@dataclass
class Book:
    """All that was written, and the verifications that others may follow."""

    journal: Journal
    written: list[Written] = field(default_factory=list)
    known: list[str] = field(default_factory=list)

    def enter(self, write: Written) -> None:
        """Write it down, then count on it."""
        self.journal.keep(write)
        self.written.append(write)
        if write.id and write.operation in (Operation.CREATE, Operation.RETRY) and write.id not in self.known[-200:]:
            self.known.append(write.id)


class Writer:
    """One of them."""

    def __init__(self, name: str, seed: int, gateways: Sequence[Gateway], client: httpx2.AsyncClient, book: Book, pause_seconds: float) -> None:
        self._name = name
        self._dice = Random(f"{seed}:{name}")
        self._gateways = gateways
        self._client = client
        self._book = book
        self._pause_seconds = pause_seconds
        self._authorization = {"authorization": f"Bearer {token()}"}
        self._wishes = 0
        self.over = False

    async def run(self) -> None:
        """Write until it is over."""
        while not self.over:
            await self.life()

    async def life(self) -> None:
        """One chain of attempts."""
        key = self._next("key")
        input = {
            "firstName": "Ada",
            "lastName": "Lovelace",
            "redirectionUrl": "https://example.com/done",
            "reference": self._name,
            "idempotencyKey": key,
        }
        created = await self._insist(Wish(Operation.CREATE, key, input))
        id = created.id if created else None
        while id and not self.over:
            id = await self.attempt(id)

    async def attempt(self, id: str) -> str | None:
        """One attempt. The id of the next one, where it is to be retried."""
        for step in STEPS:
            if self._dice.random() < 0.8:
                await self._insist(self._progress(id, step))
        if self._dice.random() < 0.12:
            return None
        results = [self._result(id, result) for result in self._dice.sample(RESULTS, self._dice.choice((1, 1, 1, 2, 3)))]
        if self._dice.random() < 0.2:
            # All at once, through both gateways: one wins.
            await asyncio.gather(*(self._insist(result) for result in results))
        else:
            for result in results:
                await self._insist(result)
        next: str | None = None
        if results[0].claim[0] != "VERIFIED" and self._dice.random() < 0.7:
            retried = await self._insist(Wish(Operation.RETRY, f"retry-{id}", {"verificationId": id, "firstName": "Ada", "lastName": "Byron"}, id))
            next = retried.id if retried else None
            if next and self._dice.random() < 0.3:
                await self._insist(self._result(id, self._dice.choice(RESULTS)))
        if self._dice.random() < 0.3:
            await self._insist(Wish(Operation.ANONYMIZE, f"anonymize-{id}", id, id))
        return next

    def _progress(self, id: str, step: str) -> Wish:
        name = self._next("step")
        return Wish(Operation.PROGRESS, name, {"verificationId": id, "progress": step, "eventId": name}, id, (step,))

    def _result(self, id: str, result: tuple[str, ...]) -> Wish:
        name = self._next("result")
        return Wish(Operation.RESULT, name, {"verificationId": id, "status": result[0], "reasonCodes": result[1:], "eventId": name}, id, result)

    def _next(self, what: str) -> str:
        self._wishes += 1
        return f"{what}-{self._name}-{self._wishes}"

    async def _insist(self, wish: Wish) -> Written | None:
        """Send it until it is answered; now and then, leave unknown what got no answer, or send twice what got one."""
        await asyncio.sleep(self._dice.uniform(0.2, 1.8) * self._pause_seconds)
        if self._dice.random() < 0.1:
            await asyncio.gather(*(self._send(wish, gateway) for gateway in self._gateways))
        while True:
            write = await self._send(wish, self._dice.choice(self._gateways))
            if write.outcome is Outcome.ACKNOWLEDGED:
                return write
            if write.outcome is Outcome.REFUSED and write.told != "CONFLICT":
                return None
            if write.outcome is Outcome.UNKNOWN and self._dice.random() < LEFT_UNKNOWN:
                return None
            await asyncio.sleep(self._dice.uniform(0.1, 0.8))

    async def _send(self, wish: Wish, gateway: Gateway) -> Written:
        write = await self._answered(wish, gateway)
        self._book.enter(write)
        return write

    async def _answered(self, wish: Wish, gateway: Gateway) -> Written:
        sent_at = time()
        unknown = Written(wish.operation, wish.name, wish.on, wish.claim, Outcome.UNKNOWN, sent_at, sent_at)
        body = {"query": DOCUMENTS[wish.operation], "variables": {"input": wish.input}}
        try:
            response = await self._client.post(f"{gateway.url}/graphql", json=body, headers=self._authorization, timeout=ANSWER_SECONDS)
            told = response.json()
        except (httpx2.HTTPError, AttributeError, ValueError) as error:
            # AttributeError: the client asks a socket that was reset while it was made for its name.
            return replace(unknown, answered_at=time(), told=type(error).__name__)
        unknown = replace(unknown, answered_at=time())
        if "errors" in told:
            return replace(unknown, told=told["errors"][0]["extensions"]["code"])
        answer = told["data"]["answer"]
        if "code" in answer:
            return replace(unknown, outcome=Outcome.REFUSED, told=answer["code"])
        events = tuple(map(event, answer["events"]))
        return replace(unknown, outcome=Outcome.ACKNOWLEDGED, id=answer["id"], version=answer["version"], events=events)
