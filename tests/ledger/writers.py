"""Writers send mutations. Each creates one verification after the other, reports its progress and its result, and records every answer.

Some attempts get their first result late, after the gateway has concluded an outcome from a deadline. Some are closed, and some are deleted.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from time import time
from typing import Any

import httpx2

from tests.ledger.gateways import Gateway, token
from tests.ledger.records import EVENT_FIELDS, Document, Journal, Operation, Outcome, Written, event

ANSWER_SECONDS = 10.0
LEFT_UNKNOWN = 0.2
ANSWER = f"{{ ... on Verification {{ id version status events {{ {EVENT_FIELDS} }} }} ... on Refusal {{ code }} }}"
DOCUMENTS = {
    Operation.CREATE: f"mutation($input: CreateVerificationInput!) {{ answer: createVerification(input: $input) {ANSWER} }}",
    Operation.PROGRESS: f"mutation($input: ReportProgressInput!) {{ answer: reportProgress(input: $input) {ANSWER} }}",
    Operation.RESULT: f"mutation($input: ReportResultInput!) {{ answer: reportResult(input: $input) {ANSWER} }}",
    Operation.RETRY: f"mutation($input: RetryVerificationInput!) {{ answer: retryVerification(input: $input) {ANSWER} }}",
    Operation.ANONYMIZE: f"mutation($input: ID!) {{ answer: anonymizeVerification(id: $input) {ANSWER} }}",
    Operation.ERASE: f"mutation($input: ID!) {{ answer: anonymizeVerification(id: $input, wholeChain: true) {ANSWER} }}",
    Operation.CLOSE: f"mutation($input: CloseVerificationInput!) {{ answer: closeVerification(input: $input) {ANSWER} }}",
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
    """A mutation that may be sent more than once. `Written` in records.py explains `name`, `on`, `claim` and `with_document`.

    `input`: the argument of the mutation.
    """

    operation: Operation
    name: str
    input: Any
    on: str | None = None
    claim: tuple[str, ...] = ()
    with_document: bool = False


@dataclass
class Book:
    """Collects the records of all writers, and the ids of the verifications that subscribers may follow.

    `deleted`: the last states of the verifications that writers deleted from the database, by id.
    """

    journal: Journal
    written: list[Written] = field(default_factory=list)
    followable: list[str] = field(default_factory=list)
    deleted: dict[str, Document] = field(default_factory=dict)

    def enter(self, write: Written) -> None:
        """Record a write in the journal first, then in memory."""
        self.journal.keep(write)
        self.written.append(write)
        if write.id and write.operation in (Operation.CREATE, Operation.RETRY) and write.id not in self.followable[-200:]:
            self.followable.append(write.id)

    def enter_deletion(self, deleted: Document) -> None:
        """Record that a verification was deleted from the database, with its last state."""
        self.journal.keep(deleted)
        self.deleted[deleted.id] = deleted


class Writer:
    """Sends mutations, and records the answers. For each mutation, the writer picks one of the two gateways at random.

    `link_window_seconds`: the time after which an opened link expires in this run. `delete`: a function that deletes a verification directly from
    the database, as an operator would. The function returns the last state of the verification, or None if it was not there.
    `answer_seconds`: how long the writer waits for each answer.
    """

    def __init__(
        self,
        name: str,
        seed: int,
        gateways: Sequence[Gateway],
        client: httpx2.AsyncClient,
        book: Book,
        pause_seconds: float,
        link_window_seconds: float,
        delete: Callable[[str], Awaitable[Document | None]],
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._name = name
        self._random = Random(f"{seed}:{name}")
        self._gateways = gateways
        self._client = client
        self._book = book
        self._pause_seconds = pause_seconds
        self._link_window_seconds = link_window_seconds
        self._delete = delete
        self._answer_seconds = answer_seconds
        self._authorization = {"authorization": f"Bearer {token()}"}
        self._count = 0
        self.over = False

    async def run(self) -> None:
        """Create and change verifications until `over` is set."""
        while not self.over:
            await self.life()

    async def life(self) -> None:
        """Create a verification, and report the progress and the results of all attempts in its chain. Sometimes delete it, if it has no retry."""
        key = self._next("key")
        input = {
            "firstName": "Ada",
            "lastName": "Lovelace",
            "redirectionUrl": "https://example.com/done",
            "reference": self._name,
            "idempotencyKey": key,
        }
        created = await self._send_until_answered(Mutation(Operation.CREATE, key, input))
        first = id = created.id if created else None
        attempts = 0
        while id and not self.over:
            attempts += 1
            id = await self._random.choices((self._reported, self._late, self._closed), (0.75, 0.15, 0.1))[0](id)
        if first and attempts == 1 and not id and self._random.random() < 0.2 and (deleted := await self._delete(first)):
            self._book.enter_deletion(deleted)

    async def _reported(self, id: str) -> str | None:
        """Report the progress and the results of one attempt, and maybe retry or anonymize it. Returns the id of the retry, or None."""
        await self._steps(id, STEPS)
        if self._random.random() < 0.12:
            return None
        results = [self._result(id, result) for result in self._random.sample(RESULTS, self._random.choice((1, 1, 1, 2, 3)))]
        if self._random.random() < 0.2:
            # Sometimes, send all results at the same time, through either gateway. Only one of them can become the final status.
            await asyncio.gather(*(self._send_until_answered(result) for result in results))
        else:
            for result in results:
                await self._send_until_answered(result)
        if self._random.random() < 0.2:
            # Sometimes, the provider sends the data of the identity document only after its verdict.
            await self._send_until_answered(self._result(id, results[0].claim, with_document=True))
        next = await self._retried(id) if results[0].claim[0] != "VERIFIED" else None
        if next and self._random.random() < 0.3:
            await self._send_until_answered(self._result(id, self._random.choice(RESULTS)))
        await self._anonymized(id)
        return next

    async def _late(self, id: str) -> str | None:
        """Report the first result of an attempt late: about when its link expires, often after a retry. Returns the id of the retry, or None."""
        await self._steps(id, STEPS[:1])
        await asyncio.sleep(self._link_window_seconds * self._random.uniform(0.9, 1.4))
        next = await self._retried(id)
        await self._anonymized(id)
        for result in self._random.sample(RESULTS, self._random.choice((1, 1, 2))):
            await self._send_until_answered(self._result(id, result))
        return next

    async def _closed(self, id: str) -> str | None:
        """Close an attempt, sometimes while its result is reported. Sometimes report a result afterwards. Returns the id of the retry, or None."""
        await self._steps(id, STEPS)
        close = Mutation(Operation.CLOSE, f"close-{id}", {"verificationId": id, "note": "Given up by Ada"}, id)
        if self._random.random() < 0.3:
            await asyncio.gather(self._send_until_answered(close), self._send_until_answered(self._result(id, self._random.choice(RESULTS))))
        else:
            await self._send_until_answered(close)
        if self._random.random() < 0.5:
            await self._send_until_answered(self._result(id, self._random.choice(RESULTS)))
        next = await self._retried(id)
        await self._anonymized(id)
        return next

    async def _steps(self, id: str, steps: Sequence[str]) -> None:
        for step in steps:
            if self._random.random() < 0.8:
                await self._send_until_answered(self._progress(id, step))

    async def _retried(self, id: str) -> str | None:
        if self._random.random() < 0.3:
            return None
        retry = Mutation(Operation.RETRY, f"retry-{id}", {"verificationId": id, "firstName": "Ada", "lastName": "Byron"}, id)
        retried = await self._send_until_answered(retry)
        return retried.id if retried else None

    async def _anonymized(self, id: str) -> None:
        if self._random.random() < 0.3:
            operation = self._random.choice((Operation.ANONYMIZE, Operation.ERASE))
            await self._send_until_answered(Mutation(operation, f"{operation.value}-{id}", id, id))

    def _progress(self, id: str, step: str) -> Mutation:
        name = self._next("step")
        return Mutation(Operation.PROGRESS, name, {"verificationId": id, "progress": step, "eventId": name}, id, (step,))

    def _result(self, id: str, result: tuple[str, ...], with_document: bool | None = None) -> Mutation:
        name = self._next("result")
        input: dict[str, Any] = {"verificationId": id, "status": result[0], "reasonCodes": result[1:], "eventId": name}
        if with_document is None:
            with_document = self._random.random() < 0.3
        if with_document:
            input["extractedDocument"] = {"fullName": "Ada Lovelace", "bornOn": "1815-12-10", "type": "PASSPORT"}
        return Mutation(Operation.RESULT, name, input, id, result, with_document)

    def _next(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}-{self._name}-{self._count}"

    async def _send_until_answered(self, mutation: Mutation) -> Written | None:
        """Send a mutation until it is answered. Returns the acknowledged write; None if it was refused, or if the writer gave up.

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
        unknown = Written(
            mutation.operation, mutation.name, mutation.on, mutation.claim, Outcome.UNKNOWN, sent_at, sent_at, with_document=mutation.with_document
        )
        body = {"query": DOCUMENTS[mutation.operation], "variables": {"input": mutation.input}}
        try:
            response = await self._client.post(f"{gateway.url}/graphql", json=body, headers=self._authorization, timeout=self._answer_seconds)
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
