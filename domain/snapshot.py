"""Earlier states of a verification, rebuilt from its events.

They show whether a filtered list contained the verification before a change, and which state a webhook to the backend reports for an event.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from domain.event import Event, EventType, Progress
from domain.status import Phase, Status
from domain.verification import Verification

PHASE_AFTER = {
    EventType[Progress.LINK_OPENED.name]: Phase.IN_SESSION,
    EventType[Progress.CAPTURE_STARTED.name]: Phase.CAPTURING,
    EventType[Progress.CAPTURE_COMPLETED.name]: Phase.PROCESSING,
}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The attributes of a verification that filters compare and that its events change, as they were after one of its events."""

    status: Status
    reasons: tuple[str, ...]
    phase: Phase
    updated_at: datetime
    completed_at: datetime | None
    events: tuple[Event, ...]

    def after(self, event: Event) -> "Snapshot":
        """The state after `event`, which must be the next event of the verification."""
        events = (*self.events, event)
        if event.type is EventType.STATUS_CHANGED and isinstance(event.to_status, Status):
            return Snapshot(event.to_status, event.reasons, Phase.DONE, event.at, event.at, events)
        phase = self.phase if self.status.final else PHASE_AFTER.get(event.type, self.phase)
        return replace(self, phase=phase, updated_at=event.at, events=events)


def initial_snapshot(verification: Verification) -> Snapshot:
    """The state before the first event."""
    return Snapshot(Status.PENDING, (), Phase.AWAITING_INDIVIDUAL, verification.created_at, None, ())


def state_after(verification: Verification, version: int) -> Snapshot:
    """The state that the verification had after the event of this version."""
    state = initial_snapshot(verification)
    for event in verification.events:
        if event.version <= version:
            state = state.after(event)
    return state


def snapshots(verification: Verification, since: int) -> Iterator[Snapshot]:
    """The states that the verification had from version `since` on, oldest first. The current state is not among them.

    `Verification.events` lacks the events that this release can't represent. This function assumes that those events changed nothing.
    """
    state = initial_snapshot(verification)
    for event, following in zip(verification.events, verification.events[1:], strict=False):
        state = state.after(event)
        if following.version > since:
            yield state
