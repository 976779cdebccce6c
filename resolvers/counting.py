"""What callers pay for reads whose cost is certain only at their end: counts, statistics, and the changes that a resumed subscription reads."""

from collections.abc import AsyncIterator
from math import ceil
from typing import NamedTuple, Protocol

from domain.caller import Caller
from domain.errors import RateLimited
from store.feeds.stored_changes import PAGE_ROWS, ChangedPage

# The cost of a second of MongoDB's or the gateway's time.
COST_PER_SECOND = 3000
# The minimum cost of a count, and that of statistics. Operations pay it before they are executed.
COUNT, STATISTICS = 50, 200
# How many counted rows cost 1. A count reads entries of an index, statistics read whole documents.
COUNTED_ROWS, STATISTICS_ROWS = 800, 40
# How many rows of a page of changes, or of a chain that a subscription follows, cost 1.
CHANGED_ROWS = 5
PAGE_COST = PAGE_ROWS // CHANGED_ROWS


class Budgets(Protocol):
    """A port to the buckets from which callers pay. `gateway.callers.rate.Rate` implements it."""

    def missing(self, caller: Caller, cost: float) -> float:
        """The number of seconds until the caller can pay `cost`."""

    def charge(self, caller: Caller, cost: float) -> None:
        """Take `cost` for work that was done, or give back a negative one."""

    async def pay(self, caller: Caller, cost: float) -> None:
        """Wait until the caller can pay, and take `cost`."""


class CountPayer(NamedTuple):
    """A caller who pays for a count or for statistics.

    `budgets`: the buckets of all callers. `least`: the cost that the operation has already paid for the count. `rows_per_cost`: how many rows cost 1.
    """

    budgets: Budgets
    caller: Caller
    least: int
    rows_per_cost: int

    def check(self) -> None:
        """Raises RateLimited if the caller can't pay a cost of 1, for example because earlier counts have left a debt."""
        if wait_seconds := self.budgets.missing(self.caller, 1):
            raise RateLimited(wait_seconds)

    def charge(self, rows: int, seconds: float) -> None:
        """Charge the caller the part of a count's cost that exceeds `least`. `rows`: how many rows were counted. `seconds`: how long MongoDB took."""
        self.budgets.charge(self.caller, work_cost(rows, self.rows_per_cost, seconds, self.least))


class PagePayment:
    """Payments of a caller for pages of rows. The caller pays for a full page before it is read. Then the payment is corrected to the real cost."""

    def __init__(self, budgets: Budgets, caller: Caller) -> None:
        self._budgets = budgets
        self._caller = caller

    async def pay(self) -> None:
        """Wait until the caller can pay for a page, and take the payment."""
        await self._budgets.pay(self._caller, PAGE_COST)

    def settle(self, rows: int, seconds: float = 0.0) -> None:
        """Give back the part of the last payment that exceeds the page's cost, or charge what is missing.

        `rows`: how many rows the page had. `seconds`: how long reading it took.
        """
        self._budgets.charge(self._caller, work_cost(rows, CHANGED_ROWS, seconds) - PAGE_COST)

    async def each(self, pages: AsyncIterator[ChangedPage]) -> AsyncIterator[ChangedPage]:
        """The pages, each of which is paid for before it is read."""
        while True:
            await self.pay()
            page = await anext(pages, None)
            self.settle(len(page.rows) if page else 0, page.seconds if page else 0.0)
            if not page:
                return
            yield page


def work_cost(rows: int, rows_per_cost: int, seconds: float, paid: int = 0) -> int:
    """The part of a read's cost that exceeds `paid`; 0 if `paid` is enough. The cost is the cost of the rows or the cost of the time: the higher one.

    `rows_per_cost`: how many rows cost 1. `seconds`: how long the read took. The time counts because MongoDB may read many rows that do not match the
    filter, and `rows` does not include them.
    """
    return max(ceil(rows / rows_per_cost), int(seconds * COST_PER_SECOND), paid) - paid
