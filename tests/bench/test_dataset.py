"""Tests the random verifications of the benchmarks: they are varied, and the same in each run (bench/dataset.py)."""

from collections import Counter
from datetime import UTC, datetime
from random import Random

from bench.dataset import Company
from domain.status import Status
from domain.verification import Verification

BEGAN = datetime(2026, 3, 2, 12, tzinfo=UTC)


def verifications_of_a_company(number: int) -> list[Verification]:
    """Generate at least `number` verifications of a company."""
    return list(Company("bench", Random(7), BEGAN).verifications(number))


def test_verifications_have_all_statuses_and_three_to_eight_events() -> None:
    verifications = verifications_of_a_company(1000)

    assert min(Counter(verification.status for verification in verifications)[status] for status in Status) > 50
    assert {len(verification.events) for verification in verifications} == set(range(3, 9))
    assert any(verification.attempt > 2 for verification in verifications)


def test_each_run_has_the_same_verifications() -> None:
    assert verifications_of_a_company(50) == verifications_of_a_company(50)
