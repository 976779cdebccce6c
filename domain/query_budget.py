"""How many queries the gateway may send to a provider, and how many it has sent."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Self

MINUTE_SECONDS, HOUR_SECONDS = 60, 3600
# Queries are counted in periods of this length, so that a large budget needs no long list. A query belongs to the last minute until a minute has
# passed since the end of the query's period, and to the last hour until an hour has passed since then.
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
        """How many more queries the budget allows at this time: its number per minute, minus the queries of the last minute; the same per hour."""
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
