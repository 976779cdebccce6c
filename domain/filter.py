"""Which verifications a list or a feed contains, and the order of a list."""

from dataclasses import dataclass
from datetime import datetime

from domain.described import Described
from domain.event import EventType
from domain.reasons import INTERNAL_TYPES, ReasonType, explained
from domain.snapshot import Snapshot, snapshots
from domain.status import Phase, Status
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
    """Which verifications a list contains, or `verificationsUpdated` sends: those that meet all conditions.

    A condition that is None is met by every verification; an empty tuple is met by none. A period contains its first instant (`…_from`) but not its
    last (`…_before`). No condition is relative to the current time, so a verification never begins or ceases to match unless it changes.
    """

    statuses: tuple[Status, ...] | None = None
    reason_codes: tuple[str, ...] | None = None
    reason_types: tuple[ReasonType, ...] | None = None
    reference: str | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None
    first_attempts_only: bool = False
    updated_from: datetime | None = None
    updated_before: datetime | None = None
    completed_from: datetime | None = None
    completed_before: datetime | None = None
    phases: tuple[Phase, ...] | None = None
    has_ignored_results: bool | None = None
    provider_id: str | None = None
    # Whether an anonymized verification without a reference meets every condition on the reference: anonymization may have erased the very reference
    # that the condition names.
    or_erased_reference: bool = False

    @property
    def selects_internals(self) -> bool:
        """Whether a condition of the filter names internal reasons. The filtered list would then reveal which verifications have them."""
        return any(explained(code).internal for code in self.reason_codes or ()) or not INTERNAL_TYPES.isdisjoint(self.reason_types or ())

    @property
    def lasting(self) -> "Filter":
        """This filter with only its lasting conditions: once a verification has met them, it always meets them.

        Lasting conditions concern attributes that keep their value once it is set. Only the reference may be erased, so that an anonymized
        verification without a reference meets the condition on the reference.
        """
        return Filter(
            reference=self.reference,
            or_erased_reference=self.reference is not None,
            created_from=self.created_from,
            created_before=self.created_before,
            first_attempts_only=self.first_attempts_only,
            provider_id=self.provider_id,
        )

    def matches(self, verification: Verification) -> bool:
        """Whether the verification meets all conditions of this filter."""
        return self._matches_lasting(verification) and self._matches_changing(verification)

    def concerns(self, verification: Verification, since: int) -> bool:
        """Whether a client that shows the filtered list must receive this verification, because the list contains it, or contained it before.

        The list contained it before if an earlier state, of version `since` or later, matched. If anonymization may have erased the reference after
        `since`, the condition on the reference counts as met. So a client may receive a verification that its list never contained, and ignores it.
        """
        lasting = self._matches_lasting(verification)
        if lasting and self._matches_changing(verification):
            return True
        erased = any(event.type is EventType.ANONYMIZED for event in verification.events_after(since))
        if not lasting and not (erased and self.lasting._matches_lasting(verification)):
            return False
        return any(map(self._matches_changing, snapshots(verification, since)))

    def _matches_lasting(self, verification: Verification) -> bool:
        """Whether the verification meets the conditions on its reference, its creation, its number in the chain, and the provider's id."""
        return (
            (self.reference is None or verification.reference == self.reference or self._may_have_erased(verification))
            and (self.created_from is None or verification.created_at >= self.created_from)
            and (self.created_before is None or verification.created_at < self.created_before)
            and (not self.first_attempts_only or verification.attempt == 1)
            and (self.provider_id is None or (verification.provider.id or None) == self.provider_id)
        )

    def _may_have_erased(self, verification: Verification) -> bool:
        return self.or_erased_reference and verification.reference is None and verification.anonymized_at is not None

    def _matches_changing(self, state: Verification | Snapshot) -> bool:
        """Whether the state meets the conditions that `lasting` leaves out. Those conditions concern attributes that change again and again."""
        return (
            (self.statuses is None or state.status in self.statuses)
            and (self.reason_codes is None or not set(self.reason_codes).isdisjoint(state.reasons))
            and (self.reason_types is None or any(explained(code).type in self.reason_types for code in state.reasons))
            and (self.phases is None or state.phase in self.phases)
            and (self.updated_from is None or state.updated_at >= self.updated_from)
            and (self.updated_before is None or state.updated_at < self.updated_before)
            and ((self.completed_from is None and self.completed_before is None) or self._was_completed_in_time(state.completed_at))
            and (self.has_ignored_results is None or self.has_ignored_results is has_ignored_results(state))
        )

    def _was_completed_in_time(self, at: datetime | None) -> bool:
        # `at` is a BadValue if the stored instant can't be read. Such a verification is in no period.
        return (
            isinstance(at, datetime)
            and (self.completed_from is None or at >= self.completed_from)
            and (self.completed_before is None or at < self.completed_before)
        )


def has_ignored_results(state: Verification | Snapshot) -> bool:
    """Whether a result was reported that did not change the status."""
    return any(event.type is EventType.RESULT_IGNORED for event in state.events)
