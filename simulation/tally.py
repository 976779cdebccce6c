"""Counts what happens in a simulation: attempts by status, reports, faults and errors. The display and the summary show the counts."""

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
    """A change of a verification, for the list of the last changes in the display."""

    reference: str
    name: str
    state: State
    description: str


@dataclass(slots=True)
class Tally:
    """The counters of a simulation, the last few changes, and the texts of the last fault and the last error.

    `left`: attempts that only a deadline can end. `repeated`: reports that created no new version, for example because they were sent twice.
    """

    started_at: float = field(default_factory=time.monotonic)
    lives: int = 0
    in_flight: int = 0
    attempts: int = 0
    left: int = 0
    closed: int = 0
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
        """The seconds since the start of the simulation."""
        return time.monotonic() - self.started_at

    def fault(self, text: str) -> None:
        """Count a transient fault, after which the client sends the request again."""
        self.faults += 1
        self.last_fault = text

    def moved(self, before: State | None, after: State, reference: str, name: str) -> None:
        """Count a verification under its new status instead of its old one, and keep the change for the display.

        If `before` is None, the verification is new. If `after` has no newer version than `before`, the report is counted as repeated.
        """
        if before is None:
            self.attempts += 1
        elif after.version <= before.version:
            self.repeated += 1
            return
        else:
            self.statuses[before.status] -= 1
        self.ignored += after.last_event == "RESULT_IGNORED"
        self.statuses[after.status] += 1
        self.changes.appendleft(Change(reference, name, after, _description(after)))

    @contextmanager
    def counting(self) -> Iterator[None]:
        """A context that counts the refusals and errors that its block raises, and suppresses them.

        Raises: TokenRefused, since no later step could succeed with a refused token.
        """
        try:
            yield
        except Refused as refusal:
            self.refusals[refusal.code] += 1
        except TokenRefused:
            raise
        except SimulationError as error:
            self.errors += 1
            self.last_error = str(error)


def _description(state: State) -> str:
    match state.last_event:
        case "CREATED" if state.attempt > 1:
            return f"created as attempt {state.attempt}"
        case "STATUS_CHANGED":
            return " ".join((state.status.lower(), *state.codes))
        case event:
            return event.lower().replace("_", " ")
