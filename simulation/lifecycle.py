"""Plans lives. A life is one simulated verification with all its retries. Its plan is pure data: the same seed and number give the same plan."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from enum import Enum, auto
from itertools import count
from random import Random

from simulation.chance import delay, weighted
from simulation.people import Person, person
from simulation.reasons import Reason, pressed_button, reported_codes
from simulation.steps import Attempt, Lifecycle, Progress, Result, Step


class Habit(Enum):
    """What a person does with the link to the verification."""

    COMPLETES = auto()
    PRESSES_A_BUTTON = auto()
    OPENS_AND_LEAVES = auto()
    NEVER_OPENS = auto()
    BREAKS_OFF = auto()


class Delivery(Enum):
    """In which order, and how often, the provider's events of an attempt arrive at the gateway."""

    IN_ORDER = auto()
    TWICE = auto()
    OUT_OF_ORDER = auto()
    CONTRADICTED = auto()


# How often each habit, each outcome and each kind of delivery occurs, as weights.
HABITS = {Habit.COMPLETES: 72, Habit.PRESSES_A_BUTTON: 11, Habit.OPENS_AND_LEAVES: 8, Habit.NEVER_OPENS: 6, Habit.BREAKS_OFF: 3}
OUTCOMES = {"VERIFIED": 78, "FAILED": 15, "INCONCLUSIVE": 7}
DELIVERIES = {Delivery.IN_ORDER: 83, Delivery.TWICE: 6, Delivery.OUT_OF_ORDER: 6, Delivery.CONTRADICTED: 5}

# How long the steps of individuals, of the provider's reviewers and of the company take: the medians, in seconds.
OPENING, READING, CAPTURE, REVIEW, BUTTON, REPEAT, RETRY, ANONYMIZATION, CLOSING = 80, 35, 70, 150, 40, 45, 90, 240, 300

MAX_ATTEMPTS = 3
CHANCE_OF_FACE_RECOGNITION, CHANCE_OF_ANONYMIZATION, CHANCE_OF_CLOSING = 0.35, 0.08, 0.3


def lifecycles(seed: int, catalogue: Collection[Reason]) -> Iterator[Lifecycle]:
    """The plans of the lives 0, 1, 2 … of this seed. The iterator never ends."""
    return (lifecycle(seed, number, catalogue) for number in count())


def lifecycle(seed: int, number: int, catalogue: Collection[Reason]) -> Lifecycle:
    """The plan of the life with this seed and this number."""
    random = Random(f"{seed}:{number}")
    individual = person(random)
    reference = f"order-{random.randrange(10_000, 100_000)}"
    faces = random.random() < CHANCE_OF_FACE_RECOGNITION
    return Lifecycle(
        number=number,
        gap=random.expovariate(1.0) if number else 0.0,
        person=individual,
        reference=reference,
        redirection_url=f"https://shop.example.com/{reference}/identity",
        face_recognition=faces,
        attempts=tuple(attempt(random, individual, catalogue, faces=faces) for _ in range(MAX_ATTEMPTS)),
        anonymized_after_seconds=delay(random, ANONYMIZATION) if random.random() < CHANCE_OF_ANONYMIZATION else None,
        closed_after_seconds=delay(random, CLOSING) if random.random() < CHANCE_OF_CLOSING else None,
    )


def attempt(random: Random, individual: Person, catalogue: Collection[Reason], *, faces: bool) -> Attempt:
    """The plan of one attempt, with a random habit of the individual and a random delivery of the events.

    `faces`: whether the verification includes face recognition. Only then can its reasons concern the face.
    """
    steps = delivered_steps(random, actual_steps(random, individual, catalogue, faces=faces), individual)
    outcome = next((position for position, step in enumerate(steps, 1) if isinstance(step, Result)), len(steps))
    return Attempt(steps[:outcome], steps[outcome:], delay(random, RETRY), random.random())


def actual_steps(random: Random, individual: Person, catalogue: Collection[Reason], *, faces: bool) -> tuple[Step, ...]:
    """The steps that really happen in an attempt, in order. See `delivered_steps` for how the gateway receives them."""
    habit = weighted(random, HABITS)
    opened, started, completed = (
        Progress(delay(random, median), progress)
        for median, progress in ((OPENING, "LINK_OPENED"), (READING, "CAPTURE_STARTED"), (CAPTURE, "CAPTURE_COMPLETED"))
    )
    match habit:
        case Habit.NEVER_OPENS:
            return ()
        case Habit.OPENS_AND_LEAVES:
            return (opened,)
        case Habit.BREAKS_OFF:
            return opened, started
        case Habit.PRESSES_A_BUTTON:
            return opened, Result(delay(random, BUTTON), "INCONCLUSIVE", (pressed_button(random),))
        case Habit.COMPLETES:
            status = weighted(random, OUTCOMES)
            if status == "VERIFIED":
                return opened, started, completed, Result(delay(random, REVIEW), status, document=individual.document)
            codes = reported_codes(random, status, catalogue, faces=faces)
            # Here, an inconclusive result means that the person broke off the capture. So neither CAPTURE_COMPLETED nor a review follows.
            if status == "INCONCLUSIVE":
                return opened, started, Result(delay(random, CAPTURE), status, codes)
            return opened, started, completed, Result(delay(random, REVIEW), status, codes)


def delivered_steps(random: Random, steps: tuple[Step, ...], individual: Person) -> tuple[Step, ...]:
    """The steps in the order in which the gateway receives them: sometimes with a repeated result, two swapped steps or a contradicting result."""
    if not steps or not isinstance(result := steps[-1], Result):
        return steps
    match weighted(random, DELIVERIES):
        case Delivery.TWICE:
            return *steps, replace(result, after_seconds=delay(random, REPEAT))
        case Delivery.OUT_OF_ORDER:
            position = random.randrange(len(steps) - 1)
            return *steps[:position], steps[position + 1], steps[position], *steps[position + 2 :]
        case Delivery.CONTRADICTED:
            return *steps, contradiction(random, result, individual)
        case Delivery.IN_ORDER:
            return steps


def contradiction(random: Random, result: Result, individual: Person) -> Result:
    """A second result for the same attempt, different from the first."""
    after_seconds = delay(random, REVIEW)
    if result.status == "VERIFIED":
        return Result(after_seconds, "FAILED", ("IDVV_2401",), event="second_result")
    return Result(after_seconds, "VERIFIED", document=individual.document, event="second_result")
