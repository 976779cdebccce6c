"""Every query that the store sends is explained by MongoDB: it reads along an index, and sorts nothing that it need not.

A sort is allowed where it keeps no more rows than one page has, and only where

* the last change orders rows that were found by their reference or reasons: no index has both;
* reasons of an unknown type are asked for, which are a range of codes: in the order of an index they would have to be looked for everywhere.

What the statistics number to find the middle is sorted too: a number a row.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from itertools import chain, product
from typing import Any

import pytest

from domain.event import Progress
from domain.filter import Filter, Order
from domain.reasons import CATALOGUE, ReasonType
from domain.result import Result
from domain.status import Status
from domain.verification import Idempotency, Verification
from store.cursor import Place
from store.driver import UTC_INSTANTS, Document
from store.due import Due
from store.indexes import HEARTBEATS
from store.pages import PageRequest
from store.verifications import Store, Verifications
from tests.clock import Clock
from tests.commands import Command, Commands
from tests.crowds import a_crowd, stored
from tests.factories import NOON, VERIFIED_RESULT, WINDOWS, a_final_verification, a_verification, later, retried
from tests.histories import noted
from tests.storing import a_feed, another_database, feeding, next_change, storing

MINUTES = 600
SELDOM = Result.reported(Status.FAILED, ["NEW"])
SIZE = 10

FILTERS = {
    "nothing": Filter(),
    "first attempts": Filter(first_attempts_only=True),
    "one status": Filter(statuses=(Status.PENDING,)),
    "a status that nobody has": Filter(statuses=(Status.VERIFIED,), created_before=NOON),
    "some statuses": Filter(statuses=(Status.PENDING, Status.FAILED)),
    "all statuses": Filter(statuses=(*Status,)),
    "no status": Filter(statuses=()),
    "one code": Filter(reason_codes=("IDVV_2101",)),
    "some codes": Filter(reason_codes=("IDVV_2101", "IDVV_1314")),
    "all codes": Filter(reason_codes=(*CATALOGUE,)),
    "a code that nobody has": Filter(reason_codes=("IDVV_0000",)),
    "no code": Filter(reason_codes=()),
    "one type": Filter(reason_types=(ReasonType.DOCUMENT_ISSUE,)),
    "all types but the unknown": Filter(reason_types=tuple(type for type in ReasonType if type is not ReasonType.UNKNOWN)),
    "the unknown type": Filter(reason_types=(ReasonType.UNKNOWN,)),
    "some types": Filter(reason_types=(ReasonType.UNKNOWN, ReasonType.COPY_ISSUE)),
    "a code and a type": Filter(reason_codes=("IDVV_2101",), reason_types=(ReasonType.DOCUMENT_ISSUE,)),
    "a reference": Filter(reference="order-1"),
    "a reference that nobody has": Filter(reference="order-unknown"),
    "created since": Filter(created_from=later(minutes=300)),
    "created until": Filter(created_before=later(minutes=300)),
    "created in a short time": Filter(created_from=later(minutes=300), created_before=later(minutes=303)),
    "a status and a time": Filter(statuses=(Status.FAILED,), created_from=later(minutes=300), created_before=later(minutes=305)),
    "some statuses and a time": Filter(statuses=(Status.FAILED, Status.PENDING), created_from=later(minutes=590)),
    "a status and a code": Filter(statuses=(Status.FAILED,), reason_codes=("IDVV_2101",)),
    "a reference and a status": Filter(reference="order-1", statuses=(Status.PENDING,)),
    "a code and a time": Filter(reason_codes=("IDVV_2101",), created_from=later(minutes=300), created_before=later(minutes=305)),
    "everything": Filter((Status.FAILED,), ("IDVV_2101",), (ReasonType.DOCUMENT_ISSUE,), "order-1", NOON, later(minutes=500), True),
}

# Commands that ask for nothing.
NO_QUERIES = {"insert", "createIndexes", "listIndexes", "commitTransaction", "abortTransaction", "getMore", "killCursors", "drop", "hello"}
QUERIES = {"find", "aggregate", "update"}
# What belongs to the session or the answer, not to the query.
AROUND = {"lsid", "txnNumber", "startTransaction", "autocommit", "readConcern", "writeConcern", "maxTimeMS", "cursor"}


def public(of: type) -> set[str]:
    """The names of its methods that others may call."""
    return {name for name, member in vars(of).items() if callable(member) and not name.startswith("_")}


def placed(order: Order, minutes: int) -> Place:
    """A place in a list."""
    return Place(order, later(minutes=minutes), "ver_5")


def requests(order: Order) -> Iterator[PageRequest]:
    """Pages with and without cursors. What is asked for from one end of an order is asked for from the other end of its opposite."""
    after, before = sorted([placed(order, 100), placed(order, 500)], key=lambda place: place.at, reverse=order.name.endswith("NEWEST"))
    yield PageRequest(order, SIZE)
    yield PageRequest(order, SIZE, "first", after)
    yield PageRequest(order, SIZE, "last", after, before)


async def pages(store: Store) -> None:
    """Every kind of page by every filter."""
    for filter, order in product(FILTERS.values(), Order):
        for request in requests(order):
            await store.within("acme").page(filter, request)


async def points(store: Store) -> None:
    """One verification, many at once, and those of several workspaces; with a chain too."""
    await store.within("acme").get("ver_1")
    await store.within("acme", "ver_1").get("ver_1")
    await asyncio.gather(*(store.within(workspace).get(f"ver_{number}") for workspace in ("acme", "other") for number in range(9)))


async def catching_up(store: Store) -> None:
    """What changed since an instant, by every filter."""
    for filter in FILTERS.values():
        async for _ in store.within("acme").updated_since(later(minutes=MINUTES - 10), filter):
            pass


async def added(store: Store, result: Callable[[Verification], Verification] = lambda it: it) -> tuple[Verifications, Verification]:
    """A new verification with a key, in its chain."""
    verification = result(a_verification(at=later(minutes=MINUTES), idempotency=Idempotency(f"key-{random.random()}", None)))
    return store.within("acme", verification.chain), await store.within("acme").add(verification)


async def taken(store: Store) -> None:
    """A key that is taken, which is looked up."""
    _, first = await added(store)
    await store.within("acme").add(a_verification(idempotency=first.idempotency))


async def replaced(store: Store) -> None:
    """A change of one version, by workspace and by chain."""
    attempts, verification = await added(store)
    again = await attempts.replace(verification, noted(verification, "first"))
    await store.within("acme").replace(again, noted(again, "second"))


async def changed(store: Store) -> None:
    """A change by a rule."""
    attempts, verification = await added(store)
    await attempts.change(verification.id, lambda it, at: it.progressed(Progress.LINK_OPENED, WINDOWS, at))


async def succeeded(store: Store) -> None:
    """A retry, and asking for it again."""
    attempts, verification = await added(store, lambda it: it.expired(it.expires_at))
    for _ in range(2):
        await attempts.retry(verification.id, retried)


async def swept(store: Store) -> None:
    """Those whose deadline has passed, from the first one on and behind one."""
    for after in (None, Due(later(minutes=1), "acme", "ver_5")):
        await store.overdue(200, after)


async def forgotten(store: Store) -> None:
    """Those whose outcome is old, in the same two ways."""
    for after in (None, Due(later(minutes=1), "acme", "ver_5")):
        await store.not_anonymized(later(minutes=MINUTES), 200, after)


async def counted(store: Store) -> None:
    """The length of the list by every filter."""
    for filter in FILTERS.values():
        await store.within("acme").count(filter)


async def summed_up(store: Store) -> None:
    """The statistics by every filter."""
    for filter in FILTERS.values():
        await store.within("acme").statistics(filter)


# Each public method, with everything that it may be asked.
TOUR: dict[str, Callable[[Store], Awaitable[object]]] = {
    "add": taken,
    "chains": lambda store: store.within("acme").chains([f"ver_{number}" for number in range(300)]),
    "change": changed,
    "count": counted,
    "get": points,
    "not_anonymized": forgotten,
    "overdue": swept,
    "page": pages,
    "replace": replaced,
    "require": changed,
    "retry": succeeded,
    "statistics": summed_up,
    "updated_since": catching_up,
    "with_key": lambda store: store.within("acme", "ver_1").with_key("key-1"),
}


async def followed(store: Store, uri: str) -> None:
    """Everything that a feed reads: when it opens, when it is uncertain of what it saw, and when others update."""
    _, verification = await added(store)
    async with a_feed(uri, store) as made:
        with made.listen("acme", id=verification.id), made.listen("acme", chain=verification.chain), made.listen("acme") as everything:
            async with feeding(made):
                await store.database["scratch"].insert_one({})
                await store.database["scratch"].drop()
                await store.collection.update_one({"_id": verification.id}, {"$set": {"reference": "order-9"}})
                _, last = await added(store)
                await next_change(everything, lambda it: it.id == last.id)


@pytest.fixture(scope="module")
async def place(mongo_uri: str, commands: Commands) -> AsyncIterator[tuple[Store, str]]:
    """A store with some thousand verifications in several workspaces, and its address."""
    uri = another_database(mongo_uri)
    async with storing(uri, Clock(later(minutes=MINUTES))) as store:
        for size, workspace in ((1500, "acme"), (400, "other"), (200, "third")):
            await stored(store, a_crowd(size, random.Random(size), workspace, MINUTES))
        await stored(store, [a_final_verification(SELDOM if number < 3 else VERIFIED_RESULT, workspace="seldom") for number in range(300)])
        yield store, uri


@pytest.fixture(scope="module")
async def sent(place: tuple[Store, str], commands: Commands) -> dict[str, list[Command]]:
    """What each method sent to MongoDB on the tour, and what a feed did."""
    store, uri = place
    heard = {}
    for name, visit in TOUR.items():
        with commands.sent(store.database.name) as heard[name]:
            await visit(store)
    with commands.sent(store.database.name) as heard["feed"]:
        await followed(store, uri)
    return heard


def queries(commands: list[Command]) -> list[Command]:
    """Those that ask for something, each once, without what is around them."""
    kept = {}
    for command in commands:
        name = next(iter(command))
        changes = name == "aggregate" and "$changeStream" in command["pipeline"][0]
        assert name in QUERIES | NO_QUERIES, f"what is {name}?"
        if name in QUERIES and not changes:
            bare = {key: value for key, value in command.items() if key not in AROUND and not key.startswith("$")}
            kept[repr(bare)] = bare | ({"cursor": {}} if name == "aggregate" else {})
    return [*kept.values()]


def condition(command: Command) -> Document:
    """What a query asks for."""
    conditions: dict[str, Document] = {
        "find": command.get("filter", {}),
        "update": command.get("updates", [{}])[0].get("q", {}),
        "aggregate": command.get("pipeline", [{}])[0].get("$match", {}),
    }
    return conditions[next(iter(command))]


def confined(condition: Document) -> bool:
    """Whether nothing of another workspace can meet it."""
    return (
        isinstance(condition.get("workspace"), str)
        or any(map(confined, condition.get("$and", [])))
        or ("$or" in condition and all(map(confined, condition["$or"])))
    )


def asked(condition: Document) -> Iterator[tuple[str, Any]]:
    """The fields of a condition and what is asked of them."""
    for field, value in condition.items():
        if field in ("$and", "$or"):
            for each in value:
                yield from asked(each)
        else:
            yield field, value


def stages(plan: Any, winning: bool = False) -> Iterator[Document]:
    """The stages of all the plans that were chosen."""
    if isinstance(plan, dict):
        if winning and "stage" in plan:
            yield plan
        for key, value in plan.items():
            yield from stages(value, winning or key == "winningPlan")
    elif isinstance(plan, list):
        for value in plan:
            yield from stages(value, winning)


def may_sort(command: Command) -> bool:
    """Whether there can't be an index in this order for what is asked, or nothing is asked."""
    fields = [*asked(command["filter"])]
    names = {field for field, _ in fields}
    found_otherwise = "updatedAt" in command["sort"] and not names.isdisjoint({"reference", "reasons"})
    return found_otherwise or any(isinstance(value, dict) and ("$elemMatch" in value or value.get("$in") == []) for _, value in fields)


def faults(command: Command, explained: Document) -> list[str]:
    """What is wrong with how MongoDB answers a query."""
    plan = [*stages(explained)]
    found = [] if plan else ["no plan"]
    for stage in plan:
        match stage["stage"]:
            case "COLLSCAN":
                found.append("reads everything")
            case "SORT" if stage.get("limitAmount", 10**9) > command.get("limit", 0):
                found.append("sorts without bound")
            case "SORT" if not may_sort(command):
                found.append("sorts")
            case "IXSCAN" if any("MinKey" in bound for bound in stage["indexBounds"].get("workspace", [])):
                found.append("reads the entries of all workspaces")
    if any("$sort" in stage for stage in explained.get("stages", [])):
        found.append("sorts what was aggregated")
    return [f"{fault}: {command}" for fault in found]


async def explain(store: Store, command: Command, verbosity: str = "queryPlanner") -> Document:
    """How MongoDB answers a query."""
    # The bounds of a range of instants lie beyond what a date can be.
    explained: Document = await store.database.command({"explain": command, "verbosity": verbosity}, codec_options=UTC_INSTANTS)
    return explained


def test_the_tour_visits_every_method() -> None:
    assert TOUR.keys() == public(Verifications) | public(Store) - {"within"}


async def test_every_query_reads_along_an_index(place: tuple[Store, str], sent: dict[str, list[Command]]) -> None:
    store, _ = place
    asked_for = queries([*chain.from_iterable(sent.values())])

    explained = [await explain(store, command) for command in asked_for]

    assert [fault for command, plan in zip(asked_for, explained, strict=True) for fault in faults(command, plan)] == []
    assert {next(iter(command)) for command in asked_for} == QUERIES
    assert len(asked_for) > 300


async def test_every_query_of_a_workspace_is_confined_to_it(sent: dict[str, list[Command]]) -> None:
    for method in public(Verifications):
        for command in queries(sent[method]):
            assert command[next(iter(command))] == HEARTBEATS or confined(condition(command)), command


async def test_a_feed_reads_what_it_may_have_missed_by_id_by_chain_and_by_time(sent: dict[str, list[Command]]) -> None:
    conditions = [{*command["filter"]} for command in queries(sent["feed"]) if "filter" in command]

    for fields in ({"_id"}, {"workspace", "chain"}, {"workspace", "updatedAt"}):
        assert fields in conditions


BAD_QUERIES: dict[str, Command] = {
    "reads everything": {"find": "verifications", "filter": {"declared.lastName": "Moreau"}},
    "sorts": {"find": "verifications", "filter": {"workspace": "acme", "status": "failed"}, "sort": {"expiresAt": 1}, "limit": 51},
    "sorts without bound": {"find": "verifications", "filter": {"workspace": "acme", "chain": "ver_1", "reference": "x"}, "sort": {"updatedAt": 1}},
    "reads the entries of all workspaces": {"find": "verifications", "filter": {"createdAt": NOON}, "hint": "workspace_1_createdAt_1__id_1"},
}


@pytest.mark.parametrize("fault", BAD_QUERIES)
async def test_a_bad_query_is_found_out(place: tuple[Store, str], fault: str) -> None:
    command = BAD_QUERIES[fault]

    assert faults(command, await explain(place[0], command)) == [f"{fault}: {command}"]


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("filter", [Filter(), *(Filter(statuses=(status,)) for status in Status)], ids=lambda it: str(it.statuses))
async def test_a_deep_page_costs_what_the_first_one_costs(place: tuple[Store, str], commands: Commands, order: Order, filter: Filter) -> None:
    store, _ = place
    verifications, request = store.within("acme"), PageRequest(order, 50)

    with commands.sent(store.database.name) as heard:
        for _ in range(5):
            page = await verifications.page(filter, request)
            assert len(page.rows) == 50
            await verifications.page(filter, PageRequest(order, 50, "last", before=page.place(page.rows[-1])))
            request = PageRequest(order, 50, after=page.place(page.rows[-1]))
    costs = [(await explain(store, command, "executionStats"))["executionStats"] for command in queries(heard)]

    assert len(costs) == 10
    # Beyond a row are those of its own millisecond, of which some dozen are stored here.
    assert max(cost["totalDocsExamined"] for cost in costs) <= 51 + 20
    assert max(cost["totalKeysExamined"] for cost in costs) <= 51 + 20


def page_of(filter: Filter, workspace: str = "acme") -> Callable[[Store], Awaitable[object]]:
    """A page that holds all that there is."""
    return lambda store: store.within(workspace).page(filter, PageRequest(Order.CREATED_NEWEST, 1000))


# What has an index of its own, asked for as a whole.
FOUND_BY_INDEX: dict[str, Callable[[Store], Awaitable[object]]] = {
    "id": points,
    "key": lambda store: store.within("acme").with_key("key-1"),
    "chain": lambda store: store.within("acme").chains(["ver_1", "ver_2"]),
    "due": lambda store: store.overdue(1000),
    "completed": lambda store: store.not_anonymized(later(minutes=MINUTES), 1000),
    "a reference": page_of(Filter(reference="order-1")),
    "one status": page_of(Filter(statuses=(Status.PENDING,))),
    "some statuses": page_of(Filter(statuses=(Status.PENDING, Status.FAILED))),
    "one code": page_of(Filter(reason_codes=("IDVV_2101",))),
    "one type": page_of(Filter(reason_types=(ReasonType.DOCUMENT_ISSUE,))),
    "a rare type": page_of(Filter(reason_types=(ReasonType.COPY_ISSUE,)), "seldom"),
    "the unknown type": page_of(Filter(reason_types=(ReasonType.UNKNOWN,)), "seldom"),
    "some types": page_of(Filter(reason_types=(ReasonType.UNKNOWN, ReasonType.COPY_ISSUE)), "seldom"),
}


@pytest.mark.parametrize("by", FOUND_BY_INDEX)
async def test_what_has_an_index_is_found_without_reading_anything_else(place: tuple[Store, str], commands: Commands, by: str) -> None:
    store, _ = place

    with commands.sent(store.database.name) as heard:
        await FOUND_BY_INDEX[by](store)
    costs = [(await explain(store, command, "executionStats"))["executionStats"] for command in queries(heard)]

    # An id leads to its one document, which may turn out to be another workspace's.
    assert all(cost["totalDocsExamined"] <= max(cost["nReturned"], by == "id") for cost in costs)
