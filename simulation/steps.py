"""The plan of a simulated life: the steps of each attempt, the attempts, and the life as a whole."""

from dataclasses import dataclass

from simulation.people import Document, Person


@dataclass(frozen=True, slots=True)
class Progress:
    """A step of the individual. `after_seconds` is the time since the previous step, before it is divided by the simulation's speed."""

    after_seconds: float
    progress: str

    @property
    def event(self) -> str:
        """The last part of the event id with which the provider reports this step. It is the same if the step is reported again."""
        return self.progress.lower()


@dataclass(frozen=True, slots=True)
class Result:
    """A result that the provider reports: its decision, or the consequence of a button that the individual pressed.

    `after_seconds`: the time since the previous step, before it is divided by the simulation's speed. `event`: the last part of the event id with
    which the provider reports the result. It is the same if the result is reported again.
    """

    after_seconds: float
    status: str
    codes: tuple[str, ...] = ()
    document: Document | None = None
    event: str = "result"


Step = Progress | Result


@dataclass(frozen=True, slots=True)
class Attempt:
    """The plan of one attempt.

    `steps`: the steps up to the first result, or all steps if the attempt has no result. Without a result, the company closes the attempt, or its
    deadline ends it.
    `late`: the steps that arrive after the first result. `retry_after_seconds`: how long the person waits before a retry.
    `reluctance`: a number from 0 to 1. The higher it is, the less likely the person retries (see `tries_again` in reasons.py).
    """

    steps: tuple[Step, ...]
    late: tuple[Step, ...]
    retry_after_seconds: float
    reluctance: float


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The plan of a life: the individual, the request, and every attempt that can become necessary.

    `closed_after_seconds`: how long the company waits before it closes an attempt that the individual has left. If it is None, a deadline ends it.
    `anonymized_after_seconds`: how long after the last outcome the company removes the personal data. If it is None, the company does not.
    `gap` is the time between the start of the previous life and the start of this one, as a multiple of the mean time between two starts.
    """

    number: int
    gap: float
    person: Person
    reference: str
    redirection_url: str
    face_recognition: bool
    attempts: tuple[Attempt, ...]
    anonymized_after_seconds: float | None
    closed_after_seconds: float | None = None
