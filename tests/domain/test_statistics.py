"""What is summed up over the counts."""

from domain.statistics import StatusCount, VerificationStats
from domain.status import Status

COUNTS = {Status.PENDING: 1, Status.INCONCLUSIVE: 10, Status.VERIFIED: 100, Status.FAILED: 1000}


def test_all_are_counted_and_only_verified_and_failed_are_charged() -> None:
    statistics = VerificationStats(tuple(StatusCount(status, count) for status, count in COUNTS.items()), (), None)

    assert statistics.total == 1111
    assert statistics.billable == 1100


def test_nothing_sums_up_to_nothing() -> None:
    statistics = VerificationStats((), (), None)

    assert (statistics.total, statistics.billable) == (0, 0)


def test_one_of_an_unknown_status_counts_in_the_total_alone() -> None:
    statistics = VerificationStats((StatusCount(Status.FAILED, 2),), (), None, of_unknown_status=3)

    assert (statistics.total, statistics.billable) == (5, 2)
