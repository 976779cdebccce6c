"""Tests of the earlier states of a verification, which are rebuilt from its events."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from domain.event import Actor, Event, EventType
from domain.snapshot import Snapshot, snapshots, state_after
from domain.status import Phase, Status
from domain.verification import Verification
from tests.factories import a_verification, later
from tests.histories import lives, over_histories


def of(verification: Verification) -> Snapshot:
    """The snapshot that equals the verification's current state."""
    return Snapshot(
        verification.status,
        verification.reasons,
        verification.phase,
        verification.updated_at,
        verification.completed_at,
        verification.events,
    )


@over_histories
@given(states=lives(), since=st.integers(0, 8))
def test_snapshots_are_the_states_that_the_verification_had(states: list[Verification], since: int) -> None:
    assert [*snapshots(states[-1], since)] == [*map(of, states[max(since - 1, 0) : -1])]


def test_an_outcome_that_another_one_replaces_has_a_snapshot() -> None:
    expired = a_verification().expired(later(days=7))
    verdict = Event(3, EventType.STATUS_CHANGED, Actor.PROVIDER, later(days=8), from_status=Status.INCONCLUSIVE, to_status=Status.VERIFIED)
    verified = replace(
        expired, status=Status.VERIFIED, reasons=(), version=3, updated_at=verdict.at, completed_at=verdict.at, events=(*expired.events, verdict)
    )

    assert [*snapshots(verified, since=2)] == [of(expired)]
    assert [each.phase for each in snapshots(verified, since=0)] == [Phase.AWAITING_INDIVIDUAL, Phase.DONE]
    assert [*snapshots(verified, since=3)] == []


def test_events_that_this_release_does_not_have_change_nothing() -> None:
    first, second = a_verification().expired(later(days=7)).events
    gap = replace(a_verification().expired(later(days=7)), version=5, events=(first, replace(second, version=4)))

    for since in (0, 1, 2, 3):
        assert [each.status for each in snapshots(gap, since)] == [Status.PENDING]
    assert [*snapshots(gap, since=4)] == []


@over_histories
@given(states=lives())
def test_the_state_after_an_event_is_the_one_that_the_verification_had(states: list[Verification]) -> None:
    assert [state_after(states[-1], state.version) for state in states] == [*map(of, states)]
