"""Tests the sums that statistics compute from the number of verifications with each status."""

from domain.statistics import StatusCount, VerificationStats
from domain.status import Status

COUNTS = {Status.PENDING: 1, Status.INCONCLUSIVE: 10, Status.VERIFIED: 100, Status.FAILED: 1000}


def test_the_total_counts_all_verifications_and_billable_only_verified_and_failed_ones() -> None:
    statistics = VerificationStats(tuple(StatusCount(status, count) for status, count in COUNTS.items()), (), None)

    assert statistics.total == 1111
    assert statistics.billable == 1100


def test_statistics_without_verifications_are_zero() -> None:
    statistics = VerificationStats((), (), None)

    assert (statistics.total, statistics.billable) == (0, 0)


def test_a_verification_of_an_unknown_status_counts_only_in_the_total() -> None:
    statistics = VerificationStats((StatusCount(Status.FAILED, 2),), (), None, of_unknown_status=3)

    assert (statistics.total, statistics.billable) == (5, 2)
