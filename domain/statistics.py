"""Counts of verifications by status and reason, and the median time to a result."""

from dataclasses import dataclass

from domain.reasons import ReasonCode
from domain.status import Status


@dataclass(frozen=True, slots=True)
class StatusCount:
    """The number of verifications with a status."""

    status: Status
    count: int


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """The number of verifications with a reason."""

    reason: ReasonCode
    count: int

    @property
    def internal(self) -> bool:
        """Whether the reason must be kept from the person being verified."""
        return self.reason.internal


@dataclass(frozen=True, slots=True)
class VerificationStats:
    """Statistics of the verifications that match a filter.

    The median counts only outcomes that individuals and providers caused, not deadlines; it is None if there are none.
    A verification with a status that this release does not have counts only in `total`.
    """

    by_status: tuple[StatusCount, ...]
    by_reason: tuple[ReasonCount, ...]
    median_seconds_to_result: float | None
    of_unknown_status: int = 0

    @property
    def total(self) -> int:
        """The number of all matching verifications."""
        return sum(row.count for row in self.by_status) + self.of_unknown_status

    @property
    def billable(self) -> int:
        """The number of verifications that the provider charges for."""
        return sum(row.count for row in self.by_status if row.status.billable)
