"""What happens to a verification."""

from dataclasses import dataclass
from datetime import datetime

from domain.described import Described
from domain.status import Status


class EventType(Described):
    """What happened."""

    CREATED = "created", "The verification was created, always pending."
    PROVIDER_STARTED = "provider_started", "The provider accepted it and gave its link."
    LINK_OPENED = "link_opened", "The individual opened the link for the first time."
    CAPTURE_STARTED = "capture_started", "The individual began to record."
    CAPTURE_COMPLETED = "capture_completed", "The individual recorded all that is needed; the provider is checking it."
    STATUS_CHANGED = "status_changed", "The outcome: `fromStatus` became `toStatus`, for `reasons`."
    RESULT_IGNORED = "result_ignored", "Another outcome was reported after the final one; the status stands."
    RETRY_CREATED = "retry_created", "A retry followed: see `nextAttempt`."
    ANONYMIZED = "anonymized", "The personal data were removed for good."


class Actor(Described):
    """Who caused an event."""

    INTEGRATOR = "integrator", "The company that asked for the verification."
    INDIVIDUAL = "individual", "The person being verified."
    PROVIDER = "provider", "The company that verifies."
    SYSTEM = "system", "This gateway, when a deadline passed."


class Progress(Described):
    """A step of the individual on the way to a result."""

    LINK_OPENED = "link_opened", "The link was opened."
    CAPTURE_STARTED = "capture_started", "The recording began."
    CAPTURE_COMPLETED = "capture_completed", "The recording is complete."


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a verification's history. Stored ones count from version 1 without gaps; `source_id` is the provider's name for it."""

    version: int
    type: EventType
    actor: Actor
    at: datetime
    from_status: Status | None = None
    to_status: Status | None = None
    reasons: tuple[str, ...] = ()
    note: str | None = None
    source_id: str | None = None
