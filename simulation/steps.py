"""What a plan is made of: steps, attempts, a life."""

from dataclasses import dataclass

from simulation.people import Document, Person


@dataclass(frozen=True, slots=True)
class Progress:
    """The person got somewhere. `after_seconds` counts from the step before, at the speed of life."""

    after_seconds: float
    progress: str

    @property
    def event(self) -> str:
        """What tells this event from the others of its attempt; a repeat has the same."""
        return self.progress.lower()


@dataclass(frozen=True, slots=True)
class Result:
    """The provider's outcome, or the button that the person pressed."""

    after_seconds: float
    status: str
    codes: tuple[str, ...] = ()
    document: Document | None = None
    event: str = "result"


Step = Progress | Result


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: the steps up to the outcome, those that arrive after it, and how ready the person is to try again.

    Without a `Result` among the steps the attempt is left to its deadline.
    """

    steps: tuple[Step, ...]
    late: tuple[Step, ...]
    retry_after_seconds: float
    persistence: float


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """A life: who, for what, and what happens in each attempt, should it come to it.

    `gap` is the time since the life before, in mean gaps: divided by the rate it is seconds.
    """

    number: int
    gap: float
    person: Person
    reference: str
    redirection_url: str
    face_recognition: bool
    attempts: tuple[Attempt, ...]
    anonymized_after_seconds: float | None
