"""Which verifications a list or a feed contains, and the order of a list."""

from dataclasses import dataclass, replace
from datetime import datetime

from domain.described import Described
from domain.event import EventType
from domain.reasons import INTERNAL_TYPES, ReasonType, explained
from domain.status import Status
from domain.verification import Verification


class Order(Described):
    """The order of a list. Verifications with the same instant, to the millisecond, are ordered by id."""

    CREATED_NEWEST = "created_newest", "By time of creation, newest first."
    CREATED_OLDEST = "created_oldest", "By time of creation, oldest first."
    UPDATED_NEWEST = (
        "updated_newest",
        "By time of the last change, newest first. A verification that changes while you page through the list moves to its start.",
    )
    UPDATED_OLDEST = (
        "updated_oldest",
        "By time of the last change, oldest first. A verification that changes while you page through the list appears again at its end.",
    )


@dataclass(frozen=True, slots=True)
class Filter:
    """Which verifications a list or a feed contains: those that meet all conditions.

    A condition that is None is met by every verification; an empty tuple is met by none.
    """

    statuses: tuple[Status, ...] | None = None
    reason_codes: tuple[str, ...] | None = None
    reason_types: tuple[ReasonType, ...] | None = None
    reference: str | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None
    first_attempts_only: bool = False

    @property
    def selects_internals(self) -> bool:
        """Whether the filter asks for internal reasons. Its results would reveal which verifications have one."""
        return any(explained(code).internal for code in self.reason_codes or ()) or not INTERNAL_TYPES.isdisjoint(self.reason_types or ())

    def matches(self, verification: Verification) -> bool:
        """Whether the verification meets all conditions of this filter."""
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
        """Whether a client that shows the filtered list must receive this verification, because the list contains it, or contained it before.

        The verification was in the list before if it matched before one of its events after version `since`. Only its status and reasons can have
        changed since then: all other attributes that a filter reads never change.
        """
        return self.matches(verification) or (
            any(event.type is EventType.STATUS_CHANGED for event in verification.events_after(since))
            and self.matches(replace(verification, status=Status.PENDING, reasons=()))
        )
