"""The events in the history of a verification."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from domain.described import Described
from domain.identity import Personal
from domain.status import Status


class EventType(Described):
    """The kind of an event in the history of a verification."""

    CREATED = "created", "The verification was created, with the status PENDING."
    PROVIDER_STARTED = "provider_started", "The provider accepted the verification and returned its link."
    PROVIDER_LOST = (
        "provider_lost",
        "The provider no longer has the verification, so a result is unlikely. The status did not change. End the verification with "
        "`closeVerification`.",
    )
    LINK_OPENED = "link_opened", "The individual opened the link for the first time."
    CAPTURE_STARTED = "capture_started", "The individual began to record the document and the face."
    CAPTURE_COMPLETED = "capture_completed", "The recording is complete, and the provider is checking it."
    STATUS_CHANGED = (
        "status_changed",
        "The status changed from `fromStatus` to the final status `toStatus`. The causes are in `reasons`. "
        "If the provider's verdict replaced an outcome of the actor SYSTEM, the history has two such events.",
    )
    DOCUMENT_ADDED = "document_added", "The data of the identity document arrived after the result to which they belong. The status did not change."
    RESULT_IGNORED = (
        "result_ignored",
        "A different result was reported after the first one, or a result after the verification was closed. The status did not change.",
    )
    RETRY_CREATED = "retry_created", "A retry was created: see `nextAttempt`."
    ANONYMIZED = "anonymized", "The personal data were permanently removed."


class Actor(Described):
    """The party that caused an event."""

    INTEGRATOR = "integrator", "The company that created the verification."
    INDIVIDUAL = "individual", "The person being verified."
    PROVIDER = "provider", "The company that performs the verification."
    SYSTEM = "system", "The gateway itself, when a deadline passed or the retention period ended."


class Progress(Described):
    """A step that the individual completes on the way to a result."""

    LINK_OPENED = "link_opened", "The individual opened the link."
    CAPTURE_STARTED = "capture_started", "The individual began to record."
    CAPTURE_COMPLETED = "capture_completed", "The recording is complete."


@dataclass(frozen=True, slots=True)
class ClosingNote:
    """The text that an integrator wrote when it closed a verification. It may contain personal data, so it is stored encrypted."""

    text: str

    def open(self) -> Self:
        """This object itself, whose text is not encrypted. Encrypted notes have the same method, which decrypts them: see `Personal`."""
        return self


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a verification's history. `version` numbers the stored events from 1, without gaps. `source_id` is the provider's event id.

    `note` is written by the gateway, and contains no personal data. `closing_note` is only set if the event closed the verification.
    """

    version: int
    type: EventType
    actor: Actor
    at: datetime
    from_status: Status | None = None
    to_status: Status | None = None
    reasons: tuple[str, ...] = ()
    note: str | None = None
    source_id: str | None = None
    closing_note: Personal[ClosingNote] | None = None

    @property
    def closes(self) -> bool:
        """Whether the integrator closed the verification with this event."""
        return self.type is EventType.STATUS_CHANGED and self.actor is Actor.INTEGRATOR

    @property
    def verdict(self) -> tuple[Status | None, frozenset[str]]:
        """The status and the set of codes of the event, to compare it with a result: see `Result.key`."""
        return self.to_status, frozenset(self.reasons)
