"""The parts of a plan: steps, attempts, a life."""

from dataclasses import dataclass

from simulation.people import Document, Person


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of the individual. `after_seconds` counts from the previous step, in real time."""

    after_seconds: float
    progress: str

    @property
    def event(self) -> str:
        """An id that is unique among the events of the attempt. A repeated event has the same id."""
        return self.progress.lower()


@dataclass(frozen=True, slots=True)
class Result:
    """An outcome: the provider's decision, or a button that the individual pressed."""

    after_seconds: float
    status: str
    codes: tuple[str, ...] = ()
    document: Document | None = None
    event: str = "result"


Step = Progress | Result


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: the steps up to the outcome, the steps that arrive after it, and how willing the individual is to retry.

    Without a `Result` among the steps, the attempt ends by its deadline.
    """

    steps: tuple[Step, ...]
    late: tuple[Step, ...]
    retry_after_seconds: float
    persistence: float


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """A life: the individual, the request, and the plan of every possible attempt.

    `gap` is the time since the previous life, in mean gaps: seconds multiplied by the rate.
    """

    number: int
    gap: float
    person: Person
    reference: str
    redirection_url: str
    face_recognition: bool
    attempts: tuple[Attempt, ...]
    anonymized_after_seconds: float | None
