"""How many verifications there are of each kind, and how long an outcome takes."""

from dataclasses import dataclass

from domain.reasons import ReasonCode
from domain.status import Status


@dataclass(frozen=True, slots=True)
class StatusCount:
    """How many verifications have a status."""

    status: Status
    count: int


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How many verifications have a reason."""

    reason: ReasonCode
    count: int

    @property
    def internal(self) -> bool:
        """Whether the person verified must not learn of it."""
        return self.reason.internal


@dataclass(frozen=True, slots=True)
class VerificationStats:
    """Counts over a filter. The median is over outcomes that people and providers caused; None where there are none.

    A verification whose status this release doesn't have counts in `total` alone.
    """

    by_status: tuple[StatusCount, ...]
    by_reason: tuple[ReasonCount, ...]
    median_seconds_to_result: float | None
    of_unknown_status: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return sum(row.count for row in self.by_status) + self.of_unknown_status

    @property
    def billable(self) -> int:
        """Those that the provider charges for."""
        return sum(row.count for row in self.by_status if row.status.billable)
