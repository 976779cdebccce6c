"""Compares the statuses, and the action for each, with a copy of the values in the provider's table of statuses."""

import pytest

from domain.status import STATUSES, RecommendedAction, Status


def test_there_are_four_statuses_and_all_but_pending_are_final() -> None:
    assert [status.value for status in Status] == ["pending", "inconclusive", "verified", "failed"]
    assert [status for status in Status if not status.final] == [Status.PENDING]


@pytest.mark.parametrize(
    ("status", "billable"), [(Status.PENDING, None), (Status.INCONCLUSIVE, False), (Status.VERIFIED, True), (Status.FAILED, True)]
)
def test_verified_and_failed_are_billable_inconclusive_is_not_and_pending_is_undecided(status: Status, billable: bool | None) -> None:
    assert status.billable is billable


def test_the_guide_recommends_an_action_for_each_status() -> None:
    assert [(row.status, row.recommended_action) for row in STATUSES] == [
        (Status.PENDING, RecommendedAction.SHARE_VERIFICATION_URL),
        (Status.INCONCLUSIVE, RecommendedAction.CREATE_RETRY),
        (Status.VERIFIED, RecommendedAction.ACCEPT_REQUEST),
        (Status.FAILED, RecommendedAction.REJECT_REQUEST),
    ]
    assert all((row.billable, row.final, bool(row.description)) == (row.status.billable, row.status.final, True) for row in STATUSES)
