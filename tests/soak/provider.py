"""The provider of a run: the fake of Yousign with the faults of each verification's fate. It kills gateways at chosen instants."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from time import time

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from domain.status import Status
from tests.fakes.yousign import FakeYousign, Fault
from tests.soak.plan import Fate, Kill, Period, Sending
from tests.soak.records import Attempt, Decision, Records

# How long the fake delays a late answer to a request that it executed. The gateway does not wait as long for any answer.
LATE_SECONDS = 17.0
# Answers after this time count as late: a little less than the gateway waits.
MAX_ANSWER_SECONDS = 12.0
# The pause that the fake demands in `Retry-After`. Longer than the gateway's own first pause, so that the checker sees whether the gateway obeys.
RETRY_AFTER_SECONDS = 3
# How long the fake waits until a gateway has answered a webhook. Then it kills the gateway, which is about to apply this webhook.
ANSWER_SECONDS = 5.0
# The outcome at the provider of a verification whose link nobody received, and which therefore expires.
EXPIRED = Decision(Status.INCONCLUSIVE, ("IDVV_1199",), False)
DOCUMENT = {
    "full_name": "ADA SOAK",
    "born_on": "1990-05-06",
    "type": "passport",
    "issuing_country_code": "FR",
    "national_identification_number": "12AB34567",
}

# Functions that kill the gateway whose name is the first argument: while it starts a verification, or before it applies the webhook about one. The
# last argument of the second function is the provider's id of the verification.
KillDuringStart = Callable[[str, Fate], Awaitable[None]]
KillBeforeApplication = Callable[[str, Fate, str], Awaitable[None]]


class SoakYousign(FakeYousign):
    """The fake of Yousign in a run.

    `period`: the present period, and how many of its requests are left. `healed`: no further fault is injected. `armed`: how many gateways the fake
    must still kill, by the kind of instant. `answering`: by the provider's id of a verification, the gateway that must be killed before it
    applies the webhook, and an event that is set when that gateway has answered the webhook.

    These attributes are set before the first request: `is_up` returns whether a gateway runs, `freeze` stops its process, `kill_during_start` and
    `kill_before_application` kill it, and `send_early` sends the webhook of a verification.
    """

    is_up: Callable[[str], bool]
    freeze: Callable[[str], None]
    kill_during_start: KillDuringStart
    kill_before_application: KillBeforeApplication
    send_early: Callable[[Fate, str], Awaitable[None]]

    def __init__(self, records: Records) -> None:
        super().__init__(late_seconds=LATE_SECONDS, retry_after_seconds=RETRY_AFTER_SECONDS)
        self.records = records
        self.period = Period(Fault.SLOW, 0)
        self.healed = False
        self.armed: Counter[Kill] = Counter()
        self.answering: dict[str, tuple[str, asyncio.Event]] = {}
        self._on_create = {fate.number: [*fate.on_create] for fate in records.fates}
        self._on_read = {fate.number: [*fate.on_read] for fate in records.fates}

    def begin(self, period: Period) -> None:
        """Begin a period, in which the next requests all have the same fault."""
        self.period = period
        self.records.injected[f"provider: {period.requests} requests in a row: {period.fault.value}"] += 1

    def heal(self) -> None:
        """Inject no further fault, and kill no further gateway."""
        self.healed = True
        self.armed.clear()
        self.answering.clear()

    def fate_of(self, video: str) -> Fate:
        """The fate of the verification with this id at the provider."""
        return self.records.fates[self.records.numbers[video] - 1]

    def conclude(self, video: str, decision: Decision) -> None:
        """Decide the outcome of a verification."""
        self.records.decisions[video] = decision
        self.decide(video, decision.status.value, [*decision.codes], dict(DOCUMENT) if decision.documented else None)

    async def create(self, request: Request) -> Response:
        """POST: create a verification, with the faults of its fate."""
        content = await request.body()
        number = number_in(content)
        attempt = Attempt(request.path_params["client"], time())
        self.records.attempts.setdefault(number, []).append(attempt)
        fate = self.records.fates[number - 1]
        possible = not fate.refused and not self._fault(self._on_create, number) and self.is_up(attempt.gateway)
        dying = possible and self._disarmed(Kill.AFTER_ANSWER)
        # If the verification's number is odd, the gateway is frozen before the answer, so that it writes nothing after the answer. If the number is
        # even, the gateway is killed while it may be writing.
        if dying and number % 2:
            self.freeze(attempt.gateway)
        answer = await super().create(request)
        if attempt.video and attempt.fault in (None, Fault.SLOW) and fate.sending is Sending.EARLY:
            self.conclude(attempt.video, decision_of(fate))
            await self.send_early(fate, attempt.video)
        if time() - attempt.at > MAX_ANSWER_SECONDS:
            # An early webhook took long, or the machine was busy. The gateway may not have waited for this answer.
            attempt.fault = Fault.LATE
        if not dying:
            return answer
        return LastResponse(answer, lambda: self.kill_during_start(attempt.gateway, fate))

    async def show(self, request: Request) -> Response:
        """GET: show a verification, with the faults of its fate."""
        video = request.path_params["id"]
        target, answered = self.answering.get(video, ("", asyncio.Event()))
        if target == request.path_params["client"]:
            # The gateway reads the data of the identity document, which a webhook has announced. So the webhook is in the inbox, and not yet applied.
            del self.answering[video]
            with suppress(TimeoutError):
                await asyncio.wait_for(answered.wait(), ANSWER_SECONDS)
            await self.kill_before_application(target, self.fate_of(video), video)
        return await super().show(request)

    def fault_of(self, request: Request, content: bytes) -> Fault | None:
        """Take the fault of a request from the present period, or else from the fate of its verification. Returns None if neither has one left."""
        creating = request.method == "POST"
        number = number_in(content) if creating else self.records.numbers.get(request.path_params["id"], 0)
        planned = self._on_create if creating else self._on_read
        fault = self._fault(planned, number)
        if not fault:
            return None
        if self.period.requests:
            self.period = replace(self.period, requests=self.period.requests - 1)
        else:
            planned[number].pop(0)
        if creating:
            self.records.attempts[number][-1].fault = fault
        self.records.injected[f"provider: {'creation' if creating else 'read'}: {fault.value}"] += 1
        return fault

    def will_kill_before_application(self, video: str) -> bool:
        """Whether the gateway that receives the webhook of this verification must be killed before it applies the webhook.

        If so, the call uses up one of the kills in `armed`. So call this only once for each webhook.
        """
        fate = self.fate_of(video)
        return fate.documented and not self._fault(self._on_read, fate.number) and self._disarmed(Kill.BEFORE_APPLICATION)

    def _fault(self, planned: dict[int, list[Fault]], number: int) -> Fault | None:
        """The fault that the next request of a verification will have: that of the present period, or else the first in `planned`."""
        if self.healed:
            return None
        if self.period.requests:
            return self.period.fault
        return next(iter(planned.get(number, ())), None)

    def _disarmed(self, kill: Kill) -> bool:
        """Whether a gateway must be killed at this kind of instant. If so, the call uses up one of the kills in `armed`."""
        if not self.armed[kill]:
            return False
        self.armed[kill] -= 1
        return True

    def _create(self, content: bytes) -> Response:
        answer = super()._create(content)
        if answer.status_code == 201:
            number, video = number_in(content), next(reversed(self.videos))
            self.records.numbers[video] = number
            self.records.attempts[number][-1].video = video
        return answer


class LastResponse(Response):
    """A response after which the process that receives it is killed."""

    def __init__(self, answer: Response, after: Callable[[], Awaitable[None]]) -> None:
        self._answer = answer
        self._after = after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the whole response, and kill the receiver."""
        await self._answer(scope, receive, send)
        await self._after()


def number_in(content: bytes) -> int:
    """The number of the verification that a request creates. It is in the last name of the individual."""
    return int(json.loads(content)["last_name"].rpartition(" ")[2])


def decision_of(fate: Fate) -> Decision:
    """The outcome that the provider decides for a verification."""
    return Decision(fate.status, fate.codes, fate.documented)
