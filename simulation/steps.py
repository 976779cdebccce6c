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
    """A result: the decision of the provider, or the consequence of a button that the individual pressed."""

    after_seconds: float
    status: str
    codes: tuple[str, ...] = ()
    document: Document | None = None
    event: str = "result"


Step = Progress | Result


@dataclass(frozen=True, slots=True)
class Attempt:
    """The plan of one attempt. `steps` ends with the outcome, and `late` are the steps that arrive after it.

    If `steps` contains no `Result`, the attempt ends by its deadline. `persistence`: how reluctantly the person retries, see `reasons.tries_again`.
    """

    steps: tuple[Step, ...]
    late: tuple[Step, ...]
    retry_after_seconds: float
    persistence: float


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The plan of a life: the individual, the request, and every attempt that can become necessary.

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
