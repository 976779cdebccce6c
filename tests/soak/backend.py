"""The faults of the integrator's backend, which does not accept one webhook in three."""

from collections import Counter
from random import Random
from typing import Any

from tests.fakes.receiver import ACCEPTED, CUT, REFUSED, Answer
from tests.soak.records import Records

ONE_IN = 3
# The gateway gives an event up after nine failed tries, until an operator sends it again. So the backend refuses an event less often than that.
MAX_REFUSALS = 5
REDIRECT = Answer(status=302, extra="location: http://127.0.0.1:9/elsewhere\r\n")
KINDS = {"status 500": REFUSED, "connection cut": CUT, "redirect": REDIRECT, "status 503 after a second": Answer(status=503, delay_seconds=1)}
SHARES = (0.6, 0.25, 0.1, 0.05)
SLOW = Answer(delay_seconds=1.5)
SLOW_SHARE = 0.01


class Refusals:
    """Decides which webhooks the backend accepts."""

    def __init__(self, chance: Random, records: Records) -> None:
        self._chance = chance
        self._records = records
        self._refused: Counter[tuple[str, int]] = Counter()

    def answer(self, number: int, body: dict[str, Any]) -> Answer:
        """The backend's answer to a webhook. `body`: the content of the webhook. `number` is not used."""
        event = body["data"]["id"], body["data"]["version"]
        if self._chance.random() < 1 / ONE_IN and self._refused[event] < MAX_REFUSALS:
            self._refused[event] += 1
            kind = self._chance.choices([*KINDS], SHARES)[0]
            self._records.injected[f"backend: {kind}"] += 1
            return KINDS[kind]
        if self._chance.random() < SLOW_SHARE:
            self._records.injected["backend: accepts after 1.5 s"] += 1
            return SLOW
        return ACCEPTED
