"""Tests that simultaneous requests for the same data share one read."""

import asyncio

import pytest

from domain.filter import Filter, Order
from domain.status import Status
from domain.verification import Verification
from store.pages import PageRequest
from store.shared_reads import SharedReads
from store.verifications import Store, Verifications
from tests.commands import Commands
from tests.factories import a_verification

NEWEST = PageRequest(Order.CREATED_NEWEST, 10)


class Source:
    """Data to read. Each read returns its number, except for the second one, which fails. All reads wait until the test sets `released`."""

    def __init__(self) -> None:
        self.reads = 0
        self.released = asyncio.Event()

    async def read(self) -> int:
        self.reads += 1
        number = self.reads
        await self.released.wait()
        if number == 2:
            raise ConnectionError
        return number


async def reads_begun() -> None:
    """Give the event loop the time to start the requested reads."""
    for _ in range(3):
        await asyncio.sleep(0)


async def test_simultaneous_requests_share_a_read_and_later_requests_share_a_later_one() -> None:
    shared, source = SharedReads(), Source()
    together = [shared.of("key", source.read) for _ in range(3)]
    await reads_begun()
    late = [shared.of("key", source.read) for _ in range(2)]
    other = shared.of("other", source.read)
    await reads_begun()

    assert source.reads == 2, "one for the simultaneous requests, one for the other key"
    source.released.set()

    assert await asyncio.gather(*together) == [1, 1, 1]
    assert [type(each) for each in await asyncio.gather(other, return_exceptions=True)] == [ConnectionError]
    assert await asyncio.gather(*late) == [3, 3]


async def test_a_failure_reaches_only_the_requests_that_share_the_read() -> None:
    shared, source = SharedReads(), Source()
    source.released.set()
    assert await shared.of("key", source.read) == 1

    failed = await asyncio.gather(*(shared.of("key", source.read) for _ in range(3)), return_exceptions=True)

    assert [type(each) for each in failed] == [ConnectionError] * 3
    assert await shared.of("key", source.read) == 3


async def test_a_cancelled_request_does_not_cancel_the_shared_read() -> None:
    shared, source = SharedReads(), Source()
    cancelled, other = shared.of("key", source.read), shared.of("key", source.read)
    await reads_begun()

    cancelled.cancel()
    source.released.set()

    assert await other == 1
    assert source.reads == 1


async def test_simultaneous_requests_for_a_page_read_it_once(store: Store, verifications: Verifications, commands: Commands) -> None:
    added = [await verifications.add(a_verification()) for _ in range(3)]

    with commands.sent(store.database.name) as sent:
        pages = await asyncio.gather(*(store.within("acme").page(Filter(), NEWEST) for _ in range(20)))
        counts = await asyncio.gather(*(store.within("acme").count(Filter()) for _ in range(20)))
        statistics = await asyncio.gather(*(store.within("acme").statistics(Filter()) for _ in range(20)))

    assert {frozenset(row.id for row in page.rows) for page in pages} == {frozenset(each.id for each in added)}
    assert set(counts) == {3}
    assert {each.total for each in statistics} == {3}
    assert len(sent) == 3


@pytest.mark.parametrize(
    ("workspace", "chain", "filter", "request_", "reading"),
    [
        ("other", None, Filter(), NEWEST, None),
        ("acme", "ver_1", Filter(), NEWEST, None),
        ("acme", None, Filter(statuses=(Status.FAILED,)), NEWEST, None),
        ("acme", None, Filter(), PageRequest(Order.CREATED_NEWEST, 1), None),
        ("acme", None, Filter(), PageRequest(Order.CREATED_OLDEST, 10), None),
        ("acme", None, Filter(), NEWEST, frozenset({"status"})),
    ],
    ids=["workspace", "chain", "filter", "size", "order", "reading"],
)
async def test_different_requests_do_not_share_a_read(
    store: Store,
    verifications: Verifications,
    workspace: str,
    chain: str | None,
    filter: Filter,
    request_: PageRequest,
    reading: frozenset[str] | None,
) -> None:
    added: list[Verification] = [await verifications.add(a_verification()) for _ in range(2)]

    alone = await store.within(workspace, chain).page(filter, request_, reading)
    one, other = await asyncio.gather(verifications.page(Filter(), NEWEST), store.within(workspace, chain).page(filter, request_, reading))

    assert [row.id for row in one.rows] == [each.id for each in sorted(added, key=lambda each: (each.created_at, each.id), reverse=True)]
    assert [row.id for row in other.rows] == [row.id for row in alone.rows]
    assert other is not one
