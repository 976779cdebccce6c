"""Tests of reading lists page by page."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Self

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.filter import Filter, Order
from domain.status import Status
from domain.verification import Verification
from store.cursor import SortPosition
from store.pages import Page, PageRequest
from store.verifications import Store, Verifications
from tests.clock import Clock
from tests.crowds import MINUTES, a_crowd, filters, insert, listed
from tests.factories import a_verification, later
from tests.histories import noted
from tests.storing import another_database, storing, until

# All examples share the crowd, which never changes. How long an example takes says nothing about the code, so there is no deadline.
over_a_crowd = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

MAX_PAGES = 200
Pause = Callable[[], Awaitable[None]]

sizes = st.integers(1, 7)
orders = pytest.mark.parametrize("order", Order)


@pytest.fixture(scope="module")
def crowd() -> list[Verification]:
    """Eighty random verifications. Many of them have the same instants, so that lists must be sorted by id too."""
    return a_crowd(80, random.Random(27))


@pytest.fixture(scope="module")
async def crowded(mongo_uri: str, crowd: list[Verification]) -> AsyncIterator[Verifications]:
    """Access to the workspace of the crowd. The store also has verifications of another workspace, which must never be listed."""
    async with storing(another_database(mongo_uri), Clock()) as store:
        await insert(store, crowd)
        await insert(store, a_crowd(30, random.Random(28), "other"))
        yield store.within("acme")


async def at_once() -> None:
    """The default of `pause`: the next page is read without a pause."""


async def forward(verifications: Verifications, filter: Filter, request: PageRequest, pause: Pause = at_once) -> list[Page]:
    """Read all pages of a list, beginning with the first page. `pause` is awaited between two pages."""
    pages = [await verifications.page(filter, request)]
    while pages[-1].has_next:
        assert len(pages) < MAX_PAGES, "the walk goes round in circles"
        await pause()
        request = replace(request, after=pages[-1].position(pages[-1].rows[-1]))
        pages.append(await verifications.page(filter, request))
    return pages


async def backward(verifications: Verifications, filter: Filter, request: PageRequest, pause: Pause = at_once) -> list[Page]:
    """Read all pages of a list, beginning with the last page. Returns them in the order of the list."""
    pages = [await verifications.page(filter, request)]
    while pages[0].has_previous:
        assert len(pages) < MAX_PAGES, "the walk goes round in circles"
        await pause()
        request = replace(request, before=pages[0].position(pages[0].rows[0]))
        pages.insert(0, await verifications.page(filter, request))
    return pages


def rows(pages: Iterable[Page]) -> list[Verification]:
    """The rows of all these pages, in order."""
    return [row for page in pages for row in page.rows]


@orders
@over_a_crowd
@given(filter=filters, size=sizes)
async def test_all_pages_read_forward_are_the_whole_list(
    crowded: Verifications, crowd: list[Verification], order: Order, filter: Filter, size: int
) -> None:
    pages = await forward(crowded, filter, PageRequest(order, size))

    assert rows(pages) == listed(crowd, filter, order)
    assert [len(page.rows) for page in pages[:-1]] == [size] * (len(pages) - 1)
    assert [page.has_previous for page in pages] == [False] + [True] * (len(pages) - 1)


@orders
@over_a_crowd
@given(filter=filters, size=sizes)
async def test_all_pages_read_backward_are_the_whole_list(
    crowded: Verifications, crowd: list[Verification], order: Order, filter: Filter, size: int
) -> None:
    pages = await backward(crowded, filter, PageRequest(order, size, "last"))

    assert rows(pages) == listed(crowd, filter, order)
    assert [len(page.rows) for page in pages[1:]] == [size] * (len(pages) - 1)
    assert [page.has_next for page in pages] == [True] * (len(pages) - 1) + [False]


@orders
@over_a_crowd
@given(filter=filters, size=sizes, start=st.integers(0, 79), stop=st.integers(0, 79))
async def test_a_page_between_two_rows_contains_the_rows_between_them(
    crowded: Verifications, crowd: list[Verification], order: Order, filter: Filter, size: int, start: int, stop: int
) -> None:
    everything = listed(crowd, Filter(), order)
    after, before = (Page((), order, False, False).position(everything[at]) for at in (start, stop))

    first = await crowded.page(filter, PageRequest(order, size, "first", after, before))
    last = await crowded.page(filter, PageRequest(order, size, "last", after, before))

    between = [row for row in everything[start + 1 : stop] if filter.matches(row)]
    assert [*first.rows] == between[:size]
    assert [*last.rows] == between[-size:]


@orders
@pytest.mark.parametrize("minutes", [-1, 2, MINUTES + 3])
@pytest.mark.parametrize("id", ["0", f"ver_{'f' * 32}"])
async def test_a_position_need_not_be_an_existing_row(crowded: Verifications, crowd: list[Verification], order: Order, minutes: int, id: str) -> None:
    position = SortPosition(order, later(minutes=minutes), id)

    pages = await backward(crowded, Filter(), PageRequest(order, 40, "last", before=position))
    pages += await forward(crowded, Filter(), PageRequest(order, 40, after=position))

    assert rows(pages) == listed(crowd, Filter(), order)


@orders
async def test_a_page_with_all_rows_has_no_neighbours(crowded: Verifications, crowd: list[Verification], order: Order) -> None:
    for request in (PageRequest(order, len(crowd)), PageRequest(order, len(crowd), "last")):
        page = await crowded.page(Filter(), request)

        assert (len(page.rows), page.has_previous, page.has_next) == (len(crowd), False, False)


async def test_an_empty_list_is_an_empty_page(crowded: Verifications) -> None:
    page = await crowded.page(Filter(reference="order-unknown"), PageRequest(Order.CREATED_NEWEST, 5))

    assert page == Page((), Order.CREATED_NEWEST, False, False)


@over_a_crowd
@given(filter=filters)
async def test_the_count_equals_the_length_of_the_list(crowded: Verifications, crowd: list[Verification], filter: Filter) -> None:
    assert await crowded.count(filter) == len([verification for verification in crowd if filter.matches(verification)])


class Writer:
    """A context during which a task changes some verifications and adds others, without pauses."""

    def __init__(self, store: Store, clock: Clock, touched: list[Verification]) -> None:
        self.verifications = store.within("acme")
        self.clock = clock
        self.ids = [verification.id for verification in touched]
        self.chance = random.Random(29)
        self.writes = 0

    async def __aenter__(self) -> Self:
        self.writing = asyncio.create_task(self.write())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writing.cancel()
        with suppress(asyncio.CancelledError):
            await self.writing

    async def write(self) -> None:
        """Change and add verifications one after the other, each at a random instant, so that they appear anywhere in the list."""
        while True:
            self.clock.now = later(minutes=self.chance.uniform(0, 2 * MINUTES))
            id = self.chance.choice(self.ids)
            match self.writes % 4:
                case 0:
                    self.ids.append((await self.verifications.add(a_verification(at=self.clock.now))).id)
                case 1:
                    await self.verifications.change(id, lambda it, at: it.expired(it.due or at))
                case _:
                    await self.verifications.change(id, lambda it, at: noted(it, "event", at))
            self.writes += 1

    async def two_more_writes(self) -> None:
        """Wait until at least two more changes or additions are written."""
        before = self.writes
        await until(lambda: self.writes > before + 1 or self.writing.done())


@orders
async def test_each_unchanged_row_is_listed_once_during_concurrent_writes(
    store: Store, verifications: Verifications, clock: Clock, order: Order
) -> None:
    crowd = await insert(store, a_crowd(50, random.Random(30)))

    for filter in (Filter(), Filter(statuses=(Status.PENDING,))):
        expected = [verification.id for verification in listed(crowd[::2], filter, order)]
        async with Writer(store, clock, touched=crowd[1::2]) as writer:
            walks = [
                await forward(verifications, filter, PageRequest(order, 3), writer.two_more_writes),
                await backward(verifications, filter, PageRequest(order, 4, "last"), writer.two_more_writes),
            ]

        for pages in walks:
            assert [row.id for row in rows(pages) if row.id in expected] == expected
            assert writer.writes >= len(pages)
