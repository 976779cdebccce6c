"""Which verifications are asked for, and in which order."""

from dataclasses import dataclass, replace
from datetime import datetime

from domain.described import Described
from domain.event import EventType
from domain.reasons import INTERNAL_TYPES, ReasonType, explained
from domain.status import Status
from domain.verification import Verification


class Order(Described):
    """The order of a list. Verifications of the same millisecond are ordered by id."""

    CREATED_NEWEST = "created_newest", "By creation, newest first."
    CREATED_OLDEST = "created_oldest", "By creation, oldest first."
    UPDATED_NEWEST = "updated_newest", "By the last change, newest first: a list that changes while it is read."
    UPDATED_OLDEST = "updated_oldest", "By the last change, oldest first: what changes meanwhile comes again at the end."


@dataclass(frozen=True, slots=True)
class Filter:
    """What a verification must be to be listed. None asks nothing; several conditions must all hold; an empty tuple is met by none."""

    statuses: tuple[Status, ...] | None = None
    reason_codes: tuple[str, ...] | None = None
    reason_types: tuple[ReasonType, ...] | None = None
    reference: str | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None
    first_attempts_only: bool = False

    @property
    def selects_internals(self) -> bool:
        """Whether the answer would tell who has an internal reason."""
        return any(explained(code).internal for code in self.reason_codes or ()) or not INTERNAL_TYPES.isdisjoint(self.reason_types or ())

    def matches(self, verification: Verification) -> bool:
        """Whether the list would hold this verification."""
        return (
            (self.statuses is None or verification.status in self.statuses)
            and (self.reason_codes is None or not set(self.reason_codes).isdisjoint(verification.reasons))
            and (self.reason_types is None or any(explained(code).type in self.reason_types for code in verification.reasons))
            and (self.reference is None or verification.reference == self.reference)
            and (self.created_from is None or verification.created_at >= self.created_from)
            and (self.created_before is None or verification.created_at < self.created_before)
            and (not self.first_attempts_only or verification.attempt == 1)
        )

    def concerns(self, verification: Verification, since: int) -> bool:
        """Whether the list holds this verification, or held it before any of the events after version `since`: so that its row can leave.

        Of all that is filtered by, only the outcome ever changes.
        """
        return self.matches(verification) or (
            any(event.type is EventType.STATUS_CHANGED for event in verification.events_after(since))
            and self.matches(replace(verification, status=Status.PENDING, reasons=()))
        )
