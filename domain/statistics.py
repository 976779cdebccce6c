"""Counts of verifications by status and reason, and the median time to a result."""

from dataclasses import dataclass
from datetime import date

from domain.reasons import ReasonCode
from domain.status import Status

# Statistics count by day for at most this many days, the newest ones.
MAX_DAYS = 400


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
        """Whether the person being verified must not see the reason."""
        return self.reason.internal


@dataclass(frozen=True, slots=True)
class DayCount:
    """The number of verifications that were created on a day, in UTC."""

    date: date
    by_status: tuple[StatusCount, ...]
    of_unknown_status: int = 0

    @property
    def day(self) -> str:
        """The day as YYYY-MM-DD."""
        return self.date.isoformat()

    @property
    def total(self) -> int:
        """The number of all verifications that were created on this day."""
        return sum(row.count for row in self.by_status) + self.of_unknown_status


@dataclass(frozen=True, slots=True)
class VerificationStats:
    """Statistics of the verifications that match a filter.

    `median_seconds_to_result`: from the creation to the outcome, over the outcomes that an individual or a provider caused, without the outcomes
    that a deadline or a close caused; None if there are no such outcomes. `charged_after_close`: how many closed verifications the provider charges
    for, because its verdict came after the close. `of_unknown_status`: how many verifications have a status that this release does not have.

    `by_day` is None unless it was requested. Days on which none of the verifications was created are left out.
    """

    by_status: tuple[StatusCount, ...]
    by_reason: tuple[ReasonCount, ...]
    median_seconds_to_result: float | None
    charged_after_close: int = 0
    of_unknown_status: int = 0
    by_day: tuple[DayCount, ...] | None = None

    @property
    def total(self) -> int:
        """The number of all matching verifications."""
        return sum(row.count for row in self.by_status) + self.of_unknown_status

    @property
    def billable(self) -> int:
        """The number of verifications that the provider charges for."""
        return sum(row.count for row in self.by_status if row.status.billable) + self.charged_after_close
