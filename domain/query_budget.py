"""How many queries the gateway may send to a provider, and how many it has sent."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Self

MINUTE_SECONDS, HOUR_SECONDS = 60, 3600
# Queries are counted in periods of this length, so that a large budget needs no long list. A query counts within a
# minute, or an hour, until that much time has passed since the end of its period.
PERIOD_SECONDS = 5


class QueryBudget(NamedTuple):
    """The greatest number of queries within any minute, and within any hour."""

    per_minute: int
    per_hour: int


@dataclass(frozen=True, slots=True)
class SentQueries:
    """The queries that were sent within the last hour: the beginning of each period, in seconds since 1970 UTC, and the number of queries in it."""

    periods: tuple[tuple[int, int], ...] = ()

    def left(self, budget: QueryBudget, at: datetime) -> QueryBudget:
        """How many more queries the budget allows at this time: its numbers, less the queries of the last minute and of the last hour."""
        return QueryBudget(
            max(0, budget.per_minute - self._since(at.timestamp() - MINUTE_SECONDS)),
            max(0, budget.per_hour - self._since(at.timestamp() - HOUR_SECONDS)),
        )

    def with_one(self, at: datetime) -> Self:
        """The same queries and one that is sent now. Periods that no longer count are left out."""
        begins = int(at.timestamp()) // PERIOD_SECONDS * PERIOD_SECONDS
        counts = {begin: count for begin, count in self.periods if begin + PERIOD_SECONDS > at.timestamp() - HOUR_SECONDS}
        counts[begins] = counts.get(begins, 0) + 1
        return type(self)(tuple(sorted(counts.items())))

    def _since(self, seconds: float) -> int:
        return sum(count for begin, count in self.periods if begin + PERIOD_SECONDS > seconds)
