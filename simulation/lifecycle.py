"""The plan of one verification's life, with all its attempts: pure data, the same for the same seed and number."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from enum import Enum, auto
from itertools import count
from random import Random

from simulation.chance import delay, weighted
from simulation.people import Person, person
from simulation.reasons import Reason, given, pressed
from simulation.steps import Attempt, Lifecycle, Progress, Result, Step


class Habit(Enum):
    """How a person takes the request to verify an identity."""

    COMPLETES = auto()
    PRESSES_A_BUTTON = auto()
    OPENS_AND_LEAVES = auto()
    NEVER_OPENS = auto()
    BREAKS_OFF = auto()


class Delivery(Enum):
    """How a provider's events arrive."""

    IN_ORDER = auto()
    TWICE = auto()
    OUT_OF_ORDER = auto()
    CONTRADICTED = auto()


HABITS = {Habit.COMPLETES: 72, Habit.PRESSES_A_BUTTON: 11, Habit.OPENS_AND_LEAVES: 8, Habit.NEVER_OPENS: 6, Habit.BREAKS_OFF: 3}
OUTCOMES = {"VERIFIED": 78, "FAILED": 15, "INCONCLUSIVE": 7}
DELIVERIES = {Delivery.IN_ORDER: 83, Delivery.TWICE: 6, Delivery.OUT_OF_ORDER: 6, Delivery.CONTRADICTED: 5}

# Medians in seconds, as people and reviewers take them.
OPENING, READING, CAPTURE, REVIEW, BUTTON, REPEAT, RETRY, ANONYMIZATION = 80, 35, 70, 150, 40, 45, 90, 240

MAX_ATTEMPTS = 3
CHANCE_OF_FACE_RECOGNITION, CHANCE_OF_ANONYMIZATION = 0.35, 0.08


def lifecycles(seed: int, catalogue: Collection[Reason]) -> Iterator[Lifecycle]:
    """Every life of a seed, one after the other, without end."""
    return (lifecycle(seed, number, catalogue) for number in count())


def lifecycle(seed: int, number: int, catalogue: Collection[Reason]) -> Lifecycle:
    """The life of that number."""
    random = Random(f"{seed}:{number}")
    somebody = person(random)
    reference = f"order-{random.randrange(10_000, 100_000)}"
    faces = random.random() < CHANCE_OF_FACE_RECOGNITION
    return Lifecycle(
        number=number,
        gap=random.expovariate(1.0) if number else 0.0,
        person=somebody,
        reference=reference,
        redirection_url=f"https://shop.example.com/{reference}/identity",
        face_recognition=faces,
        attempts=tuple(attempt(random, somebody, catalogue, faces=faces) for _ in range(MAX_ATTEMPTS)),
        anonymized_after_seconds=delay(random, ANONYMIZATION) if random.random() < CHANCE_OF_ANONYMIZATION else None,
    )


def attempt(random: Random, somebody: Person, catalogue: Collection[Reason], *, faces: bool) -> Attempt:
    """One attempt of somebody, as their habit and the delivery of events will have it."""
    steps = delivered(random, lived(random, somebody, catalogue, faces=faces), somebody)
    outcome = next((place for place, step in enumerate(steps, 1) if isinstance(step, Result)), len(steps))
    return Attempt(steps[:outcome], steps[outcome:], delay(random, RETRY), random.random())


def lived(random: Random, somebody: Person, catalogue: Collection[Reason], *, faces: bool) -> tuple[Step, ...]:
    """What happens in an attempt, in the order in which it happens."""
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
            return opened, Result(delay(random, BUTTON), "INCONCLUSIVE", (pressed(random),))
        case Habit.COMPLETES:
            status = weighted(random, OUTCOMES)
            if status == "VERIFIED":
                return opened, started, completed, Result(delay(random, REVIEW), status, document=somebody.document)
            codes = given(random, status, catalogue, faces=faces)
            # An inconclusive capture is one that was broken off: it has no end, and nothing to review.
            if status == "INCONCLUSIVE":
                return opened, started, Result(delay(random, CAPTURE), status, codes)
            return opened, started, completed, Result(delay(random, REVIEW), status, codes)


def delivered(random: Random, steps: tuple[Step, ...], somebody: Person) -> tuple[Step, ...]:
    """The steps as they reach the gateway: mostly as they are, at times repeated, swapped or contradicted."""
    if not steps or not isinstance(result := steps[-1], Result):
        return steps
    match weighted(random, DELIVERIES):
        case Delivery.TWICE:
            return *steps, replace(result, after_seconds=delay(random, REPEAT))
        case Delivery.OUT_OF_ORDER:
            place = random.randrange(len(steps) - 1)
            return *steps[:place], steps[place + 1], steps[place], *steps[place + 2 :]
        case Delivery.CONTRADICTED:
            return *steps, contradiction(random, result, somebody)
        case Delivery.IN_ORDER:
            return steps


def contradiction(random: Random, result: Result, somebody: Person) -> Result:
    """Another result for what already has one."""
    after = delay(random, REVIEW)
    if result.status == "VERIFIED":
        return Result(after, "FAILED", ("IDVV_2401",), event="second_result")
    return Result(after, "VERIFIED", document=somebody.document, event="second_result")
