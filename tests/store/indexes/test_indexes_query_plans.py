"""Tests of the query plans. MongoDB explains each query that the store sends; each must use an index and avoid sorting.

A sort in memory is allowed only if it keeps at most one page of rows, and only in these cases:

* a list is filtered by a reference or by reasons, and sorted by the last change: no index contains both;
* a list is filtered by the period of the outcome, by the provider's id, or by the period of the last change and sorted by creation. MongoDB then
  estimates, from what it reads first, whether few rows match. If so, it sorts them; otherwise it reads the list in its order;
* a list is filtered by several phases that are combined with other conditions;
* a list is filtered by the reason type UNKNOWN, which is a range of codes: to read the rows in the order of an index, MongoDB would have to search
  the whole index.

The statistics sort too: one number per row, in order to find the median.
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
from domain.request import Idempotency
from domain.result import Result
from domain.status import Phase, Status
from domain.verification import Verification
from store.cursor import SortPosition
from store.driver import UTC_INSTANTS, Document
from store.due import Due
from store.indexes import HEARTBEATS
from store.pages import PageRequest
from store.verifications import Store, Verifications
from tests.clock import Clock
from tests.commands import Command, Commands
from tests.crowds import a_crowd, insert
from tests.factories import NOON, VERIFIED_RESULT, WINDOWS, a_final_verification, a_verification, later, retried
from tests.histories import noted
from tests.storing import ORDINARY, a_feed, another_database, feeding, next_change, storing

MINUTES = 600
RARE = Result.reported(Status.FAILED, ["NEW"])
SIZE = 10

FILTERS = {
    "nothing": Filter(),
    "first attempts": Filter(first_attempts_only=True),
    "one status": Filter(statuses=(Status.PENDING,)),
    "a status without rows": Filter(statuses=(Status.VERIFIED,), created_before=NOON),
    "some statuses": Filter(statuses=(Status.PENDING, Status.FAILED)),
    "all statuses": Filter(statuses=(*Status,)),
    "no status": Filter(statuses=()),
    "one code": Filter(reason_codes=("IDVV_2101",)),
    "some codes": Filter(reason_codes=("IDVV_2101", "IDVV_1314")),
    "all codes": Filter(reason_codes=(*CATALOGUE,)),
    "a code without rows": Filter(reason_codes=("IDVV_0000",)),
    "no code": Filter(reason_codes=()),
    "one type": Filter(reason_types=(ReasonType.DOCUMENT_ISSUE,)),
    "all types except UNKNOWN": Filter(reason_types=tuple(type for type in ReasonType if type is not ReasonType.UNKNOWN)),
    "the type UNKNOWN": Filter(reason_types=(ReasonType.UNKNOWN,)),
    "some types": Filter(reason_types=(ReasonType.UNKNOWN, ReasonType.COPY_ISSUE)),
    "a code and a type": Filter(reason_codes=("IDVV_2101",), reason_types=(ReasonType.DOCUMENT_ISSUE,)),
    "a reference": Filter(reference="order-1"),
    "a reference without rows": Filter(reference="order-unknown"),
    "created since": Filter(created_from=later(minutes=300)),
    "created until": Filter(created_before=later(minutes=300)),
    "created in a short time": Filter(created_from=later(minutes=300), created_before=later(minutes=303)),
    "a status and a time": Filter(statuses=(Status.FAILED,), created_from=later(minutes=300), created_before=later(minutes=305)),
    "some statuses and a time": Filter(statuses=(Status.FAILED, Status.PENDING), created_from=later(minutes=590)),
    "a status and a code": Filter(statuses=(Status.FAILED,), reason_codes=("IDVV_2101",)),
    "a reference and a status": Filter(reference="order-1", statuses=(Status.PENDING,)),
    "a code and a time": Filter(reason_codes=("IDVV_2101",), created_from=later(minutes=300), created_before=later(minutes=305)),
    "changed since": Filter(updated_from=later(minutes=MINUTES - 2)),
    "changed until": Filter(updated_before=later(minutes=300)),
    "changed in a short time": Filter(updated_from=later(minutes=300), updated_before=later(minutes=303)),
    "a status changed in a short time": Filter(statuses=(Status.FAILED,), updated_from=later(minutes=300), updated_before=later(minutes=305)),
    "completed since": Filter(completed_from=later(minutes=MINUTES - 2)),
    "completed until": Filter(completed_before=later(minutes=3)),
    "completed in a short time": Filter(completed_from=later(minutes=300), completed_before=later(minutes=303)),
    "completed and created": Filter(completed_from=later(minutes=300), completed_before=later(minutes=303), created_from=later(minutes=200)),
    **{f"the phase {phase.value}": Filter(phases=(phase,)) for phase in Phase},
    "open phases": Filter(phases=(Phase.IN_SESSION, Phase.CAPTURING, Phase.PROCESSING)),
    "two phases": Filter(phases=(Phase.IN_SESSION, Phase.PROCESSING)),
    "pending phases": Filter(phases=tuple(phase for phase in Phase if phase is not Phase.DONE)),
    "final and processing": Filter(phases=(Phase.DONE, Phase.PROCESSING)),
    "all phases": Filter(phases=(*Phase,)),
    "no phase": Filter(phases=()),
    "processing for long": Filter(phases=(Phase.PROCESSING,), updated_before=later(minutes=300)),
    "a phase and a creation": Filter(phases=(Phase.CAPTURING,), created_from=later(minutes=300)),
    "a phase and a reference": Filter(phases=(Phase.PROCESSING,), reference="order-1"),
    "ignored results": Filter(has_ignored_results=True),
    "no ignored results": Filter(has_ignored_results=False),
    "ignored results and a time": Filter(has_ignored_results=True, created_from=later(minutes=300), updated_before=later(minutes=500)),
    "a provider's id": Filter(provider_id="sandbox-1"),
    "a provider's id and a time": Filter(provider_id="sandbox-1", created_from=later(minutes=300)),
    "everything": Filter((Status.FAILED,), ("IDVV_2101",), (ReasonType.DOCUMENT_ISSUE,), "order-1", NOON, later(minutes=500), True),
}

# Commands whose plan is not checked, because they do not search for verifications.
NO_QUERIES = {"insert", "createIndexes", "listIndexes", "commitTransaction", "abortTransaction", "getMore", "killCursors", "drop", "hello"}
QUERIES = {"find", "aggregate", "update", "delete", "findAndModify"}
# Fields of commands that describe the session or the response. They are removed, because the query plan does not depend on them.
SESSION_FIELDS = {"lsid", "txnNumber", "startTransaction", "autocommit", "readConcern", "writeConcern", "maxTimeMS", "cursor"}


def public(of: type) -> set[str]:
    """The names of all public methods of a class."""
    return {name for name, member in vars(of).items() if callable(member) and not name.startswith("_")}


def position(order: Order, minutes: int) -> SortPosition:
    """The position of a row in a list. The instant by which the list is ordered is `minutes` minutes after noon."""
    return SortPosition(order, later(minutes=minutes), "ver_5")


def requests(order: Order) -> Iterator[PageRequest]:
    """A request for the first page, one for the first rows after a cursor, and one for the last rows between two cursors."""
    after, before = sorted([position(order, 100), position(order, 500)], key=lambda each: each.at, reverse=order.name.endswith("NEWEST"))
    yield PageRequest(order, SIZE)
    yield PageRequest(order, SIZE, "first", after)
    yield PageRequest(order, SIZE, "last", after, before)


async def pages(store: Store) -> None:
    """Request every kind of page with every filter."""
    for filter, order in product(FILTERS.values(), Order):
        for request in requests(order):
            await store.within("acme").page(filter, request)


async def points(store: Store) -> None:
    """Read one verification within a workspace, one within a chain, and many verifications of two workspaces at once."""
    await store.within("acme").get("ver_1")
    await store.within("acme", "ver_1").get("ver_1")
    await asyncio.gather(*(store.within(workspace).get(f"ver_{number}") for workspace in ("acme", "other") for number in range(9)))


async def catching_up(store: Store) -> None:
    """Read the verifications that changed lately, with every filter."""
    for filter in FILTERS.values():
        async for _ in store.within("acme").changed_since(later(minutes=MINUTES - 10), filter):
            pass


async def added(store: Store, result: Callable[[Verification], Verification] = lambda it: it) -> tuple[Verifications, Verification]:
    """Add a verification with an idempotency key. Returns access to its chain, and the verification."""
    verification = result(a_verification(at=later(minutes=MINUTES), idempotency=Idempotency(f"key-{random.random()}", None)))
    return store.within("acme", verification.chain), await store.within("acme").add(verification)


async def key_reused(store: Store) -> None:
    """Add a verification with an idempotency key that was used before."""
    _, first = await added(store)
    await store.within("acme").add(a_verification(idempotency=first.idempotency))


async def replaced(store: Store) -> None:
    """Replace the stored version of a verification, first within its chain, then within its workspace."""
    attempts, verification = await added(store)
    again = await attempts.replace(verification, noted(verification, "first"))
    await store.within("acme").replace(again, noted(again, "second"))


async def changed(store: Store) -> None:
    """Apply a rule to a verification."""
    attempts, verification = await added(store)
    await attempts.change(verification.id, lambda it, at: it.progressed(Progress.LINK_OPENED, WINDOWS, at))


async def succeeded(store: Store) -> None:
    """Retry a verification twice, so that the second request finds the existing retry."""
    attempts, verification = await added(store, lambda it: it.expired(it.expires_at))
    for _ in range(2):
        await attempts.retry(verification.id, retried)


async def swept(store: Store) -> None:
    """Read the overdue verifications: first from the start, and then after a given one."""
    for after in (None, Due(later(minutes=1), "acme", "ver_5")):
        await store.overdue(ORDINARY, 200, after)


async def swept_at_queryable(store: Store) -> None:
    """Read the overdue verifications at queryable providers: first from the start, and then after a given one."""
    for after in (None, Due(later(minutes=1), "acme", "ver_5")):
        await store.overdue_at_queryable({"sandbox": ["acme"]}, later(days=1), 200, after)


async def pending_with_deadline(store: Store) -> None:
    """Read the pending verifications at queryable providers that have a deadline: first from the start, and then after a given one."""
    for after in (None, Due(later(minutes=1), "acme", "ver_5")):
        await store.pending_with_deadline({"sandbox": ["acme"]}, 200, after)


async def pending_captured(store: Store) -> None:
    """Read the pending verifications at queryable providers whose capture is complete: first from the start, and then after a given one."""
    for after in (None, Due(later(minutes=1), "acme", "ver_5")):
        await store.pending_captured({"sandbox": ["acme"]}, 200, after)


async def forgotten(store: Store) -> None:
    """Read the verifications whose outcomes are older than the retention time: first from the start, and then after a given one."""
    for after in (None, Due(later(minutes=1), "acme", "ver_5")):
        await store.not_anonymized(later(minutes=MINUTES), 200, after)


async def buried(store: Store) -> None:
    """Read the verifications whose anonymization was long enough ago to delete them: first from the start, and then after a given one."""
    for after in (None, Due(later(minutes=1), "acme", "ver_5")):
        await store.removable(later(minutes=MINUTES), 200, after)


async def deleted(store: Store) -> None:
    """Read the verifications whose outcome is long enough ago to delete them: from the start, after one of a workspace, and after its last one."""
    for after in (None, Due(later(minutes=1), "acme", "ver_5"), Due(later(days=1), "acme", "ver_5")):
        await store.deletable(later(minutes=MINUTES), 200, after)


async def removed(store: Store) -> None:
    """Remove a verification within its chain."""
    attempts, verification = await added(store)
    await attempts.remove(verification)


async def counted(store: Store) -> None:
    """Count the list with every filter."""
    for filter in FILTERS.values():
        await store.within("acme").count(filter)


async def summed_up(store: Store) -> None:
    """Read the statistics with every filter."""
    for filter in FILTERS.values():
        await store.within("acme").statistics(filter)


# For each public method of `Store` and `Verifications`: a function that calls it so that it sends all kinds of its queries.
METHOD_CALLS: dict[str, Callable[[Store], Awaitable[object]]] = {
    "add": key_reused,
    "chains": lambda store: store.within("acme").chains([f"ver_{number}" for number in range(300)]),
    "change": changed,
    "count": counted,
    "count_processing": lambda store: store.count_processing(later(days=1)),
    "deletable": deleted,
    "get": points,
    "not_anonymized": forgotten,
    "overdue": swept,
    "overdue_at_queryable": swept_at_queryable,
    "page": pages,
    "pending_captured": pending_captured,
    "pending_with_deadline": pending_with_deadline,
    "removable": buried,
    "remove": removed,
    "removed_since": lambda store: store.within("acme").removed_since(NOON),
    "replace": replaced,
    "require": changed,
    "retry": succeeded,
    "statistics": summed_up,
    "changed_since": catching_up,
    "pages_changed_since": catching_up,
    "whole_chain": lambda store: store.within("acme").whole_chain("ver_1"),
    "with_key": lambda store: store.within("acme", "ver_1").with_key("key-1"),
    "with_provider_id": lambda store: store.within("acme").with_provider_id("sandbox", "provider-1"),
}


async def followed(store: Store, uri: str) -> None:
    """Run a feed so that it sends all its queries: when it opens, when it may have missed changes, and when another program updates a document."""
    _, verification = await added(store)
    async with a_feed(uri, store) as feed:
        with feed.listen("acme", id=verification.id), feed.listen("acme", chain=verification.chain), feed.listen("acme") as everything:
            async with feeding(feed):
                await store.database["scratch"].insert_one({})
                await store.database["scratch"].drop()
                await store.collection.update_one({"_id": verification.id}, {"$set": {"reference": "order-9"}})
                _, last = await added(store)
                await next_change(everything, lambda it: it.id == last.id)


@pytest.fixture(scope="module")
async def filled(mongo_uri: str, commands: Commands) -> AsyncIterator[tuple[Store, str]]:
    """A store with more than two thousand verifications in several workspaces, and its address."""
    uri = another_database(mongo_uri)
    async with storing(uri, Clock(later(minutes=MINUTES))) as store:
        for size, workspace in ((1500, "acme"), (400, "other"), (200, "third")):
            await insert(store, a_crowd(size, random.Random(size), workspace, MINUTES))
        await insert(store, [a_final_verification(RARE if number < 3 else VERIFIED_RESULT, workspace="rare") for number in range(300)])
        yield store, uri


@pytest.fixture(scope="module")
async def sent(filled: tuple[Store, str], commands: Commands) -> dict[str, list[Command]]:
    """The commands that each public method sent to MongoDB, by the name of the method. The key "feed" has the commands that a feed sent."""
    store, uri = filled
    sent = {}
    for name, call in METHOD_CALLS.items():
        with commands.sent(store.database.name) as sent[name]:
            await call(store)
    with commands.sent(store.database.name) as sent["feed"]:
        await followed(store, uri)
    return sent


def queries(commands: list[Command]) -> list[Command]:
    """The queries among the commands, each of them once, without SESSION_FIELDS."""
    different = {}
    for command in commands:
        name = next(iter(command))
        is_change_stream = name == "aggregate" and "$changeStream" in command["pipeline"][0]
        assert name in QUERIES | NO_QUERIES, f"{name} is neither in QUERIES nor in NO_QUERIES"
        if name in QUERIES and not is_change_stream:
            bare = {key: value for key, value in command.items() if key not in SESSION_FIELDS and not key.startswith("$")}
            # MongoDB explains only one statement at a time.
            for one in [bare | {"updates": [update]} for update in bare["updates"]] if name == "update" else [bare]:
                different[repr(one)] = one | ({"cursor": {}} if name == "aggregate" else {})
    return [*different.values()]


def condition(command: Command) -> Document:
    """The condition that documents must meet to be found by a query."""
    conditions: dict[str, Document] = {
        "find": command.get("filter", {}),
        "update": command.get("updates", [{}])[0].get("q", {}),
        "delete": command.get("deletes", [{}])[0].get("q", {}),
        "findAndModify": command.get("query", {}),
        "aggregate": command.get("pipeline", [{}])[0].get("$match", {}),
    }
    return conditions[next(iter(command))]


def confined(condition: Document) -> bool:
    """Whether no document of another workspace can meet the condition."""
    return (
        isinstance(condition.get("workspace"), str)
        or any(map(confined, condition.get("$and", [])))
        or ("$or" in condition and all(map(confined, condition["$or"])))
    )


def operands(condition: Document) -> Iterator[tuple[str, Any]]:
    """All fields that a condition compares, at any depth, each with its value or its operators."""
    for field, value in condition.items():
        if field in ("$and", "$or"):
            for each in value:
                yield from operands(each)
        else:
            yield field, value


def stages(plan: Any, winning: bool = False) -> Iterator[Document]:
    """The stages of the plans that MongoDB chose, at any depth of the explanation. `winning`: whether `plan` is a part of such a plan."""
    if isinstance(plan, dict):
        if winning and "stage" in plan:
            yield plan
        for key, value in plan.items():
            yield from stages(value, winning or key == "winningPlan")
    elif isinstance(plan, list):
        for value in plan:
            yield from stages(value, winning)


def may_sort(command: Command) -> bool:
    """Whether a query may sort in memory: in the cases that this module's docstring lists, and for an empty `$in`, which matches nothing."""
    fields = [*operands(command["filter"])]
    names = {field for field, _ in fields}
    if "$or" in command["filter"]:
        # `$or` joins the conditions of several phases. Few verifications are in these phases at the same time, so that a sort is cheap.
        return True
    sort_key = next(iter(command["sort"]))
    others = {"provider.id", "completedAt"} | ({"updatedAt"} if sort_key == "createdAt" else {"reference", "reasons"})
    return not names.isdisjoint(others) or any(isinstance(value, dict) and ("$elemMatch" in value or value.get("$in") == []) for _, value in fields)


def faults(command: Command, explained: Document) -> list[str]:
    """Descriptions of everything that is wrong with the plan of a query; an empty list if it is good."""
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
    """MongoDB's explanation of how it executes a query."""
    # In an explanation, the bounds of a range may be instants that Python can't represent. UTC_INSTANTS can read them.
    explained: Document = await store.database.command({"explain": command, "verbosity": verbosity}, codec_options=UTC_INSTANTS)
    return explained


def test_the_query_plans_of_every_method_are_checked() -> None:
    assert METHOD_CALLS.keys() == public(Verifications) | public(Store) - {"within"}


async def test_every_query_uses_an_index(filled: tuple[Store, str], sent: dict[str, list[Command]]) -> None:
    store, _ = filled
    found = queries([*chain.from_iterable(sent.values())])

    explained = [await explain(store, command) for command in found]

    assert [fault for command, plan in zip(found, explained, strict=True) for fault in faults(command, plan)] == []
    assert {next(iter(command)) for command in found} == QUERIES
    assert len(found) > 300


async def test_every_query_of_a_workspace_is_confined_to_it(sent: dict[str, list[Command]]) -> None:
    for method in public(Verifications):
        for command in queries(sent[method]):
            assert command[next(iter(command))] == HEARTBEATS or confined(condition(command)), command


async def test_a_feed_reads_missed_changes_by_id_by_chain_and_by_time(sent: dict[str, list[Command]]) -> None:
    conditions = [{*command["filter"]} for command in queries(sent["feed"]) if "filter" in command]

    for fields in ({"_id"}, {"workspace", "chain"}, {"workspace", "$or"}):
        assert fields in conditions


BAD_QUERIES: dict[str, Command] = {
    "reads everything": {"find": "verifications", "filter": {"declared.lastName": "Moreau"}},
    "sorts": {"find": "verifications", "filter": {"workspace": "acme", "status": "failed"}, "sort": {"expiresAt": 1}, "limit": 51},
    "sorts without bound": {"find": "verifications", "filter": {"workspace": "acme", "chain": "ver_1", "reference": "x"}, "sort": {"updatedAt": 1}},
    "reads the entries of all workspaces": {"find": "verifications", "filter": {"createdAt": NOON}, "hint": "workspace_1_createdAt_1__id_1"},
}


@pytest.mark.parametrize("fault", BAD_QUERIES)
async def test_a_bad_query_is_detected(filled: tuple[Store, str], fault: str) -> None:
    command = BAD_QUERIES[fault]

    assert faults(command, await explain(filled[0], command)) == [f"{fault}: {command}"]


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("filter", [Filter(), *(Filter(statuses=(status,)) for status in Status)], ids=lambda it: str(it.statuses))
async def test_a_deep_page_costs_what_the_first_one_costs(filled: tuple[Store, str], commands: Commands, order: Order, filter: Filter) -> None:
    store, _ = filled
    verifications, request = store.within("acme"), PageRequest(order, 50)

    with commands.sent(store.database.name) as sent:
        for _ in range(5):
            page = await verifications.page(filter, request)
            assert len(page.rows) == 50
            await verifications.page(filter, PageRequest(order, 50, "last", before=page.position(page.rows[-1])))
            request = PageRequest(order, 50, after=page.position(page.rows[-1]))
    costs = [(await explain(store, command, "executionStats"))["executionStats"] for command in queries(sent)]

    assert len(costs) == 10
    # A query reads 51 rows: a page, and one row that shows whether a next page exists. MongoDB also examines rows with exactly the same instant as
    # the cursor. Up to about a dozen rows share an instant here.
    assert max(cost["totalDocsExamined"] for cost in costs) <= 51 + 20
    assert max(cost["totalKeysExamined"] for cost in costs) <= 51 + 20


def page_of(filter: Filter, workspace: str = "acme") -> Callable[[Store], Awaitable[object]]:
    """A function that reads a page with all rows that match the filter."""
    return lambda store: store.within(workspace).page(filter, PageRequest(Order.CREATED_NEWEST, 1000))


# Functions that send queries for which an index finds exactly the matching documents. Each reads all its results.
FOUND_BY_INDEX: dict[str, Callable[[Store], Awaitable[object]]] = {
    "id": points,
    "key": lambda store: store.within("acme").with_key("key-1"),
    "chain": lambda store: store.within("acme").chains(["ver_1", "ver_2"]),
    "due": lambda store: store.overdue(ORDINARY, 1000),
    "completed": lambda store: store.not_anonymized(later(minutes=MINUTES), 1000),
    "a reference": page_of(Filter(reference="order-1")),
    "one status": page_of(Filter(statuses=(Status.PENDING,))),
    "some statuses": page_of(Filter(statuses=(Status.PENDING, Status.FAILED))),
    "one code": page_of(Filter(reason_codes=("IDVV_2101",))),
    "one type": page_of(Filter(reason_types=(ReasonType.DOCUMENT_ISSUE,))),
    "a rare type": page_of(Filter(reason_types=(ReasonType.COPY_ISSUE,)), "rare"),
    "the type UNKNOWN": page_of(Filter(reason_types=(ReasonType.UNKNOWN,)), "rare"),
    "some types": page_of(Filter(reason_types=(ReasonType.UNKNOWN, ReasonType.COPY_ISSUE)), "rare"),
}


@pytest.mark.parametrize("by", FOUND_BY_INDEX)
async def test_a_query_with_an_index_reads_only_its_results(filled: tuple[Store, str], commands: Commands, by: str) -> None:
    store, _ = filled

    with commands.sent(store.database.name) as sent:
        await FOUND_BY_INDEX[by](store)
    costs = [(await explain(store, command, "executionStats"))["executionStats"] for command in queries(sent)]

    # A query by id always examines the one document with the id, which may belong to another workspace.
    assert all(cost["totalDocsExamined"] <= max(cost["nReturned"], by == "id") for cost in costs)
