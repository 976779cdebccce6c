"""Tests of `RecentVersions`, which remembers the states of verifications that a feed has delivered lately."""

from dataclasses import replace
from datetime import timedelta

import pytest

from store.feeds import recent_versions
from store.feeds.recent_versions import RecentVersions
from tests.factories import NOON, a_verification, later
from tests.histories import noted

MINUTE = timedelta(minutes=1)


def test_the_state_that_was_delivered_last_is_remembered() -> None:
    versions, first = RecentVersions(MINUTE), a_verification()
    second = noted(first, "event", later(minutes=1))

    versions.record(first)
    assert (versions.contains(first), versions.contains(second)) == (True, False)
    versions.record(second)
    assert (versions.contains(first), versions.contains(second)) == (False, True)


def test_another_event_with_the_same_version_is_another_state() -> None:
    versions, verification = RecentVersions(MINUTE), a_verification()

    versions.record(verification)

    assert not versions.contains(replace(verification, updated_at=later(seconds=1)))


def test_a_deleted_verification_is_forgotten() -> None:
    versions, verification = RecentVersions(MINUTE), a_verification()
    versions.pass_time(NOON)
    versions.record(verification)
    versions.pass_time(later(seconds=61))
    versions.record(verification)

    versions.forget(verification.id)

    assert not versions.contains(verification)


def test_a_state_is_remembered_for_the_period_and_forgotten_after_two() -> None:
    versions, verification = RecentVersions(MINUTE), a_verification()
    versions.pass_time(NOON)
    versions.record(verification)

    remembered = []
    for seconds in (30, 60, 61, 120, 122):
        versions.pass_time(later(seconds=seconds))
        remembered.append(versions.contains(verification))

    assert remembered == [True, True, True, True, False]
    assert not versions._old


def test_the_number_of_remembered_states_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_versions, "MAX_VERSIONS", 10)
    versions = RecentVersions(MINUTE)
    verifications = [a_verification() for _ in range(35)]

    for verification in verifications:
        versions.record(verification)

    remembered = [versions.contains(verification) for verification in verifications]
    assert sum(remembered) <= 20
    assert remembered[-10:] == [True] * 10
