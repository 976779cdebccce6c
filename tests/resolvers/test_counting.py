"""Tests of what counts, statistics and resumed feeds cost."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from domain.caller import Caller
from domain.errors import RateLimited
from gateway.callers.rate import Rate
from resolvers import counting, queries
from resolvers.counting import CHANGED_ROWS, PAGE_COST, STATISTICS, STATISTICS_ROWS, CountPayer, PagePayment, work_cost
from store.cursor import encode_watermark
from store.feeds.stored_changes import PAGE_ROWS, ChangedPage
from store.verifications import utc_now
from tests.company import Company
from tests.factories import a_verification
from tests.serving import serving
from tests.wire import following

CALLER = Caller("jo", "acme", frozenset())
SECONDS = 1000.0


def a_rate() -> Rate:
    """A rate whose buckets never refill. Each caller can spend a cost of 1,000."""
    return Rate(1, 1000, lambda: SECONDS)


@pytest.mark.parametrize(
    ("rows", "seconds", "paid", "cost"),
    [(0, 0.0, 50, 0), (40_000, 0.0, 50, 0), (40_001, 0.0, 50, 1), (100_000, 0.0, 50, 75), (0, 0.1, 50, 250), (80_000, 0.05, 0, 150), (1, 0.0, 0, 1)],
)
def test_the_cost_of_a_count_grows_with_its_rows_or_its_time(rows: int, seconds: float, paid: int, cost: int) -> None:
    assert work_cost(rows, 800, seconds, paid) == cost


def test_a_caller_pays_for_what_was_counted_and_may_then_be_in_debt() -> None:
    rate = a_rate()
    payer = CountPayer(rate, CALLER, STATISTICS, STATISTICS_ROWS)

    payer.check()
    payer.charge((STATISTICS + 1000) * STATISTICS_ROWS, 0.0)

    assert rate.missing(CALLER, 1) == 1
    with pytest.raises(RateLimited):
        payer.check()


async def test_each_page_is_paid_for_before_it_is_read_and_costs_as_much_as_its_rows() -> None:
    rate, left = a_rate(), list[float]()

    async def pages() -> AsyncIterator[ChangedPage]:
        for number in (PAGE_ROWS, 3):
            left.append(1000 - rate.missing(CALLER, 1000))
            yield ChangedPage([a_verification()] * number, 0.0, None)

    sizes = [len(page.rows) async for page in PagePayment(rate, CALLER).each(pages())]

    assert sizes == [PAGE_ROWS, 3]
    assert left == [1000 - PAGE_COST, 1000 - 2 * PAGE_COST]
    assert 1000 - rate.missing(CALLER, 1000) == 1000 - PAGE_ROWS // CHANGED_ROWS - 1


COUNTED = "{ verifications(first: 1) { totalCount } }"


@pytest.mark.parametrize(("rows_per_cost", "status"), [(1000, 200), (1, 429)])
@pytest.mark.parametrize("field", ["COUNTED_ROWS", "STATISTICS_ROWS"])
async def test_a_large_count_leaves_a_debt(
    company: Company, database_uri: str, monkeypatch: pytest.MonkeyPatch, field: str, rows_per_cost: int, status: int
) -> None:
    monkeypatch.setattr(queries, field, rows_per_cost)
    monkeypatch.setattr(counting, "COST_PER_SECOND", 0)
    query = COUNTED if field == "COUNTED_ROWS" else "{ verificationStats { total } }"
    async with serving(database_uri, rate_cost_per_second=0.001, rate_burst_cost=400) as gateway:
        there = Company(gateway, company.collection.database.client[database_uri.rpartition("/")[2].partition("?")[0]][company.collection.name])
        there.keep(*(a_verification(workspace=there.workspace) for _ in range(500)))

        data = await there.ask(query)
        then = await gateway.post("{ me { subject } }", token=there.token())

    assert "500" in str(data)
    assert then.status_code == status


async def test_a_caller_in_debt_learns_when_it_may_count_again(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "STATISTICS_ROWS", 0.00001)
    company.keep(a_verification(workspace=company.workspace))
    periods = [f'a{day}: verificationStats(filter: {{ createdAfter: "2020-01-0{day}T00:00:00Z" }}) {{ total }}' for day in (1, 2, 3)]

    answer = await company.answer("{ " + " ".join(periods) + " }")

    [error] = answer["errors"]
    assert (error["path"], error["extensions"]["code"]) == (["a3"], "RATE_LIMITED")
    assert error["extensions"]["retryAfterMs"] > 1000


FEED = "subscription($after: String) { verificationsUpdated(after: $after) { cursor verification { id } } }"


async def test_a_resumed_feed_pays_for_the_pages_that_it_reads(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    charges: list[tuple[str, float]] = []
    pay, charge = Rate.pay, Rate.charge

    def note(kind: str, caller: Caller, cost: float) -> None:
        # Counts of earlier tests can still be running in the gateway. They are charged to other workspaces.
        if caller.workspace == company.workspace:
            charges.append((kind, cost))

    async def paying(self: Rate, caller: Caller, cost: float, first: bool = False) -> None:
        note("pay", caller, cost)
        await pay(self, caller, cost, first)

    def charging(self: Rate, caller: Caller, cost: float) -> None:
        note("charge", caller, cost)
        charge(self, caller, cost)

    monkeypatch.setattr(Rate, "pay", paying)
    monkeypatch.setattr(Rate, "charge", charging)
    monkeypatch.setattr(counting, "COST_PER_SECOND", 0)
    ids = [await company.created() for _ in range(7)]
    cursor = encode_watermark(utc_now() - timedelta(minutes=5))

    async with following(company.gateway, company.token(), FEED, {"after": cursor}) as updates:
        received = await updates.until(lambda item: item["verification"] is not None and item["verification"]["id"] == ids[-1])

    sent = len(received) - 1
    assert sent == 7
    # The feed first reads the removals. There are none, so the whole price of that page is given back. Then it reads a page of stamped changes. The
    # page has seven rows, which cost 2.
    pages = [(kind, cost) for kind, cost in charges if abs(cost) > 5]
    assert pages[:4] == [("pay", PAGE_COST), ("charge", -PAGE_COST), ("pay", PAGE_COST), ("charge", 2 - PAGE_COST)]
