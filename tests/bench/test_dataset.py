"""The verifications that are asked for."""

from collections import Counter
from datetime import UTC, datetime
from random import Random

from bench.dataset import Company
from domain.status import Status
from domain.verification import Verification

BEGAN = datetime(2026, 3, 2, 12, tzinfo=UTC)


def made(number: int) -> list[Verification]:
    """The first of a company's verifications."""
    return list(Company("bench", Random(7), BEGAN).verifications(number))


def test_all_statuses_are_there_with_three_to_eight_events() -> None:
    verifications = made(1000)

    assert min(Counter(verification.status for verification in verifications)[status] for status in Status) > 50
    assert {len(verification.events) for verification in verifications} == set(range(3, 9))
    assert any(verification.attempt > 2 for verification in verifications)


def test_each_run_has_the_same_ones() -> None:
    assert made(50) == made(50)
