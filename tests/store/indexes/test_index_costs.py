"""What a page of a filtered list costs: MongoDB reads about as many index entries and documents as match, however many others are stored."""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from domain.event import Progress
from domain.filter import Filter, Order
from domain.status import Phase, Status
from domain.verification import Verification
from store.driver import UTC_INSTANTS
from store.indexes import VERIFICATIONS
from store.pages import PageRequest, conditions, index_hint, sorting
from store.verifications import Store
from tests.clock import Clock
from tests.crowds import insert, listed
from tests.factories import FAILED_RESULT, FINAL_RESULTS, WINDOWS, a_verification, later
from tests.storing import another_database, storing

ROWS = 20_000
PENDING_ROWS = 700
SIZE = 50
SCOPE = {"workspace": "acme"}
STEPS = {Phase.IN_SESSION: 1, Phase.CAPTURING: 2, Phase.PROCESSING: 3}


def a_row(number: int, chance: random.Random) -> Verification:
    """A verification that was created `number` minutes after noon.

    The newest PENDING_ROWS verifications are in random phases. Older ones have an outcome, except for a few that are stuck in PROCESSING.
    """
    verification = a_verification(at=later(minutes=number), reference=f"order-{number}")
    recent = number > ROWS - PENDING_ROWS
    phase = chance.choice([*Phase]) if recent else Phase.PROCESSING if chance.random() < 0.005 else Phase.DONE
    at = verification.created_at
    for step in [*Progress][: STEPS.get(phase, 0)]:
        at += timedelta(minutes=chance.randrange(4))
        verification = verification.progressed(step, WINDOWS, at)
    if phase is not Phase.DONE:
        return verification
    verification = verification.concluded(chance.choice(FINAL_RESULTS), at + timedelta(minutes=chance.randrange(300)))
    if verification.status is Status.VERIFIED and chance.random() < 0.02:
        verification = verification.concluded(FAILED_RESULT, verification.updated_at + timedelta(minutes=5))
    return verification


@pytest.fixture(scope="module")
async def stored(mongo_uri: str) -> AsyncIterator[tuple[Store, list[Verification]]]:
    """A store with 20,000 verifications of one workspace, and these verifications."""
    chance = random.Random(33)
    async with storing(another_database(mongo_uri), Clock()) as store:
        yield store, await insert(store, [a_row(number, chance) for number in range(ROWS)])


@dataclass(frozen=True)
class PageCost:
    """What MongoDB read for a page: the index entries and documents, and how many documents it returned."""

    keys: int
    documents: int
    returned: int


async def page_cost(store: Store, filter: Filter, request: PageRequest) -> PageCost:
    """What MongoDB reads for a page, according to its explanation of the query."""
    command: dict[str, Any] = {
        "find": VERIFICATIONS,
        "filter": conditions(SCOPE, filter, request),
        "sort": dict(sorting(request)),
        "limit": request.size + 1,
    }
    if hint := index_hint(filter, request.order):
        command["hint"] = hint
    explained = await store.database.command({"explain": command, "verbosity": "executionStats"}, codec_options=UTC_INSTANTS)
    stats = explained["executionStats"]
    return PageCost(stats["totalKeysExamined"], stats["totalDocsExamined"], stats["nReturned"])


MIDDLE, END = later(minutes=10_000), later(minutes=10_100)
OPEN = (Phase.IN_SESSION, Phase.CAPTURING, Phase.PROCESSING)

# For each filter, how many index entries MongoDB may read for each row that it returns, if it need not sort. If the number is more than 1, no index
# contains exactly the matching rows: MongoDB also reads other rows that are pending, or that changed in the same period.
FILTERS: dict[str, tuple[Filter, float]] = {
    "updatedAfter": (Filter(updated_from=later(minutes=ROWS - 100)), 1),
    "updatedBefore": (Filter(updated_before=later(minutes=200)), 1),
    "updated in a period": (Filter(updated_from=MIDDLE, updated_before=END), 1),
    "completedAfter": (Filter(completed_from=later(minutes=ROWS - 100)), 1),
    "completedBefore": (Filter(completed_before=later(minutes=300)), 1),
    "completed in a period": (Filter(completed_from=MIDDLE, completed_before=END), 1),
    "completed in a period, one status": (Filter(statuses=(Status.FAILED,), completed_from=MIDDLE, completed_before=END), 4),
    "completed and created in a period": (Filter(completed_from=MIDDLE, completed_before=END, created_from=later(minutes=9000)), 1),
    "updated in a period, one status": (Filter(statuses=(Status.FAILED,), updated_from=MIDDLE, updated_before=END), 1),
    "updated in a period, one code": (Filter(reason_codes=("IDVV_2101",), updated_from=MIDDLE, updated_before=END), 4),
    "phase AWAITING_INDIVIDUAL": (Filter(phases=(Phase.AWAITING_INDIVIDUAL,)), 6),
    "phase IN_SESSION": (Filter(phases=(Phase.IN_SESSION,)), 1),
    "phase CAPTURING": (Filter(phases=(Phase.CAPTURING,)), 1),
    "phase PROCESSING": (Filter(phases=(Phase.PROCESSING,)), 1),
    "phases between the link and the outcome": (Filter(phases=OPEN), 1.2),
    "phases, created in a period": (Filter(phases=OPEN, created_from=later(minutes=ROWS - 300)), 1.2),
    "stuck in PROCESSING": (Filter(phases=(Phase.PROCESSING,), updated_before=MIDDLE), 1),
    "PROCESSING, created in a period": (Filter(phases=(Phase.PROCESSING,), created_from=MIDDLE), 1),
    "PROCESSING, with the status": (Filter(phases=(Phase.PROCESSING,), statuses=(Status.PENDING,)), 1),
    "hasIgnoredResults": (Filter(has_ignored_results=True), 1),
    "hasIgnoredResults, one status": (Filter(has_ignored_results=True, statuses=(Status.VERIFIED,)), 1),
    "hasIgnoredResults, created in a period": (Filter(has_ignored_results=True, created_from=MIDDLE), 1),
    "no ignored results": (Filter(has_ignored_results=False, statuses=(Status.VERIFIED,)), 1.3),
    "providerId": (Filter(provider_id="sandbox-stuck"), 1),
}


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("name", FILTERS)
async def test_a_page_reads_about_as_many_entries_as_match(stored: tuple[Store, list[Verification]], name: str, order: Order) -> None:
    store, crowd = stored
    filter, ratio = FILTERS[name]
    if filter.provider_id:
        filter = Filter(provider_id=crowd[7].provider.id)
    rows = listed(crowd, filter, order)
    assert rows
    request, pages = PageRequest(order, SIZE), 0

    while True:
        cost = await page_cost(store, filter, request)
        page = await store.within("acme").page(filter, request)
        pages += 1

        # MongoDB may sort up to about 300 matching rows in memory, and then reads all of them for every page. So up to 300 rows, the limit depends on
        # all matching rows. If more rows match, MongoDB must read them in the order of an index. The 20 are leeway.
        limit = ratio * max(cost.returned, min(len(rows), 300)) + 20
        assert cost.keys <= limit, (pages, cost, len(rows))
        assert cost.documents <= limit, (pages, cost, len(rows))
        if not page.has_next or pages == 5:
            break
        request = PageRequest(order, SIZE, after=page.position(page.rows[-1]))


# For each index that exists for a filter: a list, as a filter and an order, that is slow without this index.
NEEDED: dict[str, tuple[Filter, Order]] = {
    "workspace_1_completedAt_1__id_1": (Filter(completed_from=MIDDLE, completed_before=END), Order.CREATED_NEWEST),
    **{
        f"{phase.value}_{key}": (Filter(phases=(phase,)), order)
        for phase in OPEN
        for key, order in (("createdAt", Order.CREATED_NEWEST), ("updatedAt", Order.UPDATED_NEWEST))
    },
    "with_ignored_results_createdAt": (Filter(has_ignored_results=True), Order.CREATED_NEWEST),
    "with_ignored_results_updatedAt": (Filter(has_ignored_results=True), Order.UPDATED_OLDEST),
}


@pytest.mark.parametrize("index", NEEDED)
async def test_without_its_index_a_filter_reads_many_entries(stored: tuple[Store, list[Verification]], index: str) -> None:
    """Each index is needed: without it, MongoDB reads more entries than the tests above allow."""
    store, _ = stored
    filter, order = NEEDED[index]
    request = PageRequest(order, SIZE)

    with_index = await page_cost(store, filter, request)
    await hide(store, index, True)
    without_index = await page_cost(store, filter, request)
    await hide(store, index, False)

    assert max(with_index.keys, with_index.documents) <= SIZE + 1 or index.startswith("workspace_1_completedAt")
    assert without_index.documents > 1.5 * max(SIZE, with_index.documents)


async def hide(store: Store, index: str, hidden: bool) -> None:
    """Hide an index from the planner of MongoDB, or show it again."""
    await store.database.command({"collMod": VERIFICATIONS, "index": {"name": index, "hidden": hidden}})
