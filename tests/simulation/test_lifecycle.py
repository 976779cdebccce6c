from collections import Counter
from datetime import timedelta
from itertools import islice
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import reasons as domain_reasons
from domain.event import Progress as DomainProgress
from domain.identity import DeclaredIdentity, DocumentType, ExtractedDocument
from domain.result import Result as DomainResult
from domain.status import Status
from domain.text import web_address
from domain.verification import Verification
from simulation.lifecycle import lifecycle, lifecycles
from simulation.people import Document
from simulation.runner import SPEED
from simulation.steps import Attempt, Lifecycle, Progress, Result, Step
from tests.factories import WINDOWS, a_verification, later
from tests.simulation.test_reasons import CATALOGUE, SEED

EXPIRIES = {domain_reasons.NEVER_STARTED, domain_reasons.LINK_EXPIRED, domain_reasons.VERIFICATION_EXPIRED}
MANY = 3000

numbers = st.integers(0, 2**40)


@pytest.fixture(scope="module")
def lives() -> list[Lifecycle]:
    return list(islice(lifecycles(SEED, CATALOGUE), MANY))


@pytest.fixture(scope="module")
def first_attempts(lives: list[Lifecycle]) -> list[Attempt]:
    return [life.attempts[0] for life in lives]


def outcome(attempt: Attempt) -> Result | None:
    """The result with which the attempt ends; None if the attempt ends by a deadline."""
    return next((step for step in attempt.steps if isinstance(step, Result)), None)


def extracted(document: Document) -> ExtractedDocument:
    """Convert the simulation's document to the domain object with the same values."""
    return ExtractedDocument(
        document.full_name,
        document.born_on,
        DocumentType[document.type],
        document.issuing_country_code,
        document.national_identification_number,
    )


def changed_by(verification: Verification, step: Step, seconds: float) -> Verification:
    """Apply a planned step to a verification with the rules of `domain/`. Returns the changed verification."""
    at = later(seconds=seconds)
    if isinstance(step, Progress):
        return verification.progressed(DomainProgress[step.progress], WINDOWS, at, step.event)
    document = extracted(step.document) if step.document else None
    return verification.concluded(DomainResult.reported(Status[step.status], list(step.codes), document, step.event), at)


def test_a_seed_gives_the_same_lives_each_time(lives: list[Lifecycle]) -> None:
    assert list(islice(lifecycles(SEED, CATALOGUE), 50)) == lives[:50]


def test_another_seed_gives_other_lives(lives: list[Lifecycle]) -> None:
    assert not set(islice(lifecycles(SEED + 1, CATALOGUE), 50)) & set(lives[:50])


def test_a_life_does_not_depend_on_earlier_lives(lives: list[Lifecycle]) -> None:
    assert lifecycle(SEED, 42, CATALOGUE) == lives[42]


def test_the_order_of_the_catalogue_does_not_matter(lives: list[Lifecycle]) -> None:
    assert list(islice(lifecycles(SEED, CATALOGUE[::-1]), 50)) == lives[:50]


def test_the_first_life_starts_at_once_and_the_mean_gap_before_the_others_is_one(lives: list[Lifecycle]) -> None:
    assert lives[0].gap == 0
    assert sum(life.gap for life in lives) / MANY == pytest.approx(1, abs=0.1)


@settings(deadline=None)
@given(seed=numbers, number=numbers)
def test_the_domain_accepts_every_planned_request(seed: int, number: int) -> None:
    life = lifecycle(seed, number, CATALOGUE)

    DeclaredIdentity.declared(life.person.first_name, life.person.last_name)
    assert web_address("redirectionUrl", life.redirection_url).startswith("https://shop.example.com/")


@settings(deadline=None)
@given(seed=numbers, number=numbers)
def test_the_domain_accepts_every_step_of_every_attempt(seed: int, number: int) -> None:
    for attempt in lifecycle(seed, number, CATALOGUE).attempts:
        verification, seconds = a_verification(), 0.0
        for step in (*attempt.steps, *attempt.late):
            seconds += step.after_seconds
            verification = changed_by(verification, step, seconds)

        expected = outcome(attempt)
        assert verification.status.name == (expected.status if expected else "PENDING")
        assert verification.reasons == (expected.codes if expected else ())


@settings(deadline=None)
@given(seed=numbers, number=numbers)
def test_a_result_is_the_last_step_and_only_late_steps_follow_it(seed: int, number: int) -> None:
    for attempt in lifecycle(seed, number, CATALOGUE).attempts:
        assert not any(isinstance(step, Result) for step in attempt.steps[:-1])
        assert outcome(attempt) or not attempt.late


@settings(deadline=None)
@given(seed=numbers, number=numbers)
def test_a_document_bears_the_declared_name(seed: int, number: int) -> None:
    life = lifecycle(seed, number, CATALOGUE)

    for result in filter(None, map(outcome, life.attempts)):
        assert (result.document is not None) == (result.status == "VERIFIED")
        assert result.document is None or result.document.full_name == f"{life.person.first_name} {life.person.last_name}"


@settings(deadline=None)
@given(seed=numbers, number=numbers)
def test_no_step_reports_a_code_that_only_deadlines_cause(seed: int, number: int) -> None:
    for attempt in lifecycle(seed, number, CATALOGUE).attempts:
        for step in (*attempt.steps, *attempt.late):
            assert isinstance(step, Progress) or EXPIRIES.isdisjoint(step.codes)


def test_codes_about_faces_occur_only_with_face_recognition(lives: list[Lifecycle]) -> None:
    about_faces = {reason.code for reason in CATALOGUE if reason.type == "FACE_CAPTURE_ISSUE"}
    codes = {
        faces: {code for life in lives if life.face_recognition is faces for a in life.attempts if (r := outcome(a)) for code in r.codes}
        for faces in (True, False)
    }

    assert about_faces & codes[True]
    assert not about_faces & codes[False]


def test_most_attempts_are_verified_and_every_other_end_occurs(first_attempts: list[Attempt]) -> None:
    ends = Counter(result.status if (result := outcome(attempt)) else f"left after {len(attempt.steps)}" for attempt in first_attempts)

    assert ends["VERIFIED"] > MANY / 2
    assert set(ends) == {"VERIFIED", "FAILED", "INCONCLUSIVE", "left after 0", "left after 1", "left after 2"}
    assert min(ends.values()) > MANY / 100


def test_a_code_outside_of_the_catalogue_is_rare(first_attempts: list[Attempt]) -> None:
    results = [result for attempt in first_attempts if (result := outcome(attempt)) and result.codes]
    new = sum(not domain_reasons.explained(code).known for result in results for code in result.codes)

    assert 0 < new < len(results) / 20


def test_some_results_arrive_twice_or_out_of_order_or_are_contradicted(first_attempts: list[Attempt]) -> None:
    late = Counter(
        "progress" if isinstance(step, Progress) else "same" if step.codes == result.codes and step.status == result.status else "other"
        for attempt in first_attempts
        for step in attempt.late
        if (result := outcome(attempt))
    )
    swapped = sum([step.event for step in attempt.steps[:2]] == ["capture_started", "link_opened"] for attempt in first_attempts)

    assert set(late) == {"progress", "same", "other"}
    assert swapped
    assert late.total() < MANY / 5


def test_at_the_speed_of_a_demo_a_life_takes_5_to_60_seconds(first_attempts: list[Attempt]) -> None:
    lengths = [sum(step.after_seconds for step in attempt.steps) / SPEED for attempt in first_attempts if outcome(attempt)]

    assert 5 < median(lengths) < 30
    assert sum(length < 60 for length in lengths) > 0.99 * len(lengths)


def test_every_attempt_fits_into_the_gateways_deadlines(first_attempts: list[Attempt]) -> None:
    for attempt in first_attempts:
        assert timedelta(seconds=sum(step.after_seconds for step in attempt.steps)) / SPEED < WINDOWS.link
