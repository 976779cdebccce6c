"""What a simulation has seen so far."""

import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from simulation.errors import Refused, SimulationError, TokenRefused
from simulation.parties import State

STATUSES = ("PENDING", "VERIFIED", "FAILED", "INCONCLUSIVE")
MAX_CHANGES = 10


@dataclass(frozen=True, slots=True)
class Change:
    """Something that became of a verification."""

    reference: str
    name: str
    state: State
    what: str


@dataclass(slots=True)
class Tally:
    """Counts of what was done and seen, the last few changes, and the last fault and error in words. Grows with nothing."""

    started_at: float = field(default_factory=time.monotonic)
    lives: int = 0
    in_flight: int = 0
    attempts: int = 0
    left: int = 0
    anonymized: int = 0
    repeated: int = 0
    ignored: int = 0
    faults: int = 0
    errors: int = 0
    last_fault: str = ""
    last_error: str = ""
    statuses: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    changes: deque[Change] = field(default_factory=lambda: deque(maxlen=MAX_CHANGES))

    @property
    def seconds(self) -> float:
        """How long it has been going on."""
        return time.monotonic() - self.started_at

    def fault(self, words: str) -> None:
        """Count a fault that is tried again."""
        self.faults += 1
        self.last_fault = words

    def moved(self, before: State | None, after: State, reference: str, name: str) -> None:
        """Count a verification under its status of now."""
        if before is None:
            self.attempts += 1
        elif after.version <= before.version:
            self.repeated += 1
            return
        else:
            self.statuses[before.status] -= 1
        self.ignored += after.last_event == "RESULT_IGNORED"
        self.statuses[after.status] += 1
        self.changes.appendleft(Change(reference, name, after, _what(after)))

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count what is refused and what goes wrong in here, and go on; but not without a token that is accepted."""
        try:
            yield
        except Refused as refusal:
            self.refusals[refusal.code] += 1
        except TokenRefused:
            raise
        except SimulationError as error:
            self.errors += 1
            self.last_error = str(error)


def _what(state: State) -> str:
    match state.last_event:
        case "CREATED" if state.attempt > 1:
            return f"created as attempt {state.attempt}"
        case "STATUS_CHANGED":
            return " ".join((state.status.lower(), *state.codes))
        case event:
            return event.lower().replace("_", " ")
