"""Tests that the sweeper applies each deadline once, unless a request has applied it first."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.collection import Collection

from domain.event import Progress
from lifecycle.sweeper import Backlog, Chore, sweep
from store.due import Due
from store.indexes import VERIFICATIONS
from store.verifications import utc_now
from tests.clock import Clock
from tests.company import CAPTURE_COMPLETED, CAPTURE_STARTED, LINK_OPENED, Answer, Company
from tests.factories import NOON, WINDOWS, a_verification
from tests.serving import serving
from tests.storing import ORDINARY, chores_of, encode, storing
from tests.wire import GENEROUS_SECONDS, following

LINK, WHOLE, INSTANT = timedelta(minutes=15), timedelta(days=7), timedelta(milliseconds=1)
ROW = "id status version reasons { code } events { version type actor at toStatus reasons { code } }"
READ = f"query($id: ID!) {{ verification(id: $id) {{ {ROW} }} }}"
UPDATED = f"subscription($id: ID!, $after: Int) {{ verificationUpdated(id: $id, after: $after) {{ verification {{ {ROW} }} events {{ version }} }} }}"

StoredDocuments = Collection[dict[str, Any]]


@pytest.fixture
def clock() -> Clock:
    """A clock that starts at the current time, because the gateway compares its clock with MongoDB's clock when it starts."""
    return Clock(utc_now())


@pytest.fixture
def collection(mongo: MongoClient[dict[str, Any]], database_name: str) -> StoredDocuments:
    """The collection in which the gateways of this test store verifications."""
    return mongo[database_name][VERIFICATIONS]


@asynccontextmanager
async def a_company(uri: str, collection: StoredDocuments, clock: Clock, **settings: Any) -> AsyncIterator[Company]:
    """A company that uses a gateway whose time is this clock."""
    async with serving(uri, now=clock, **settings) as gateway:
        yield Company(gateway, collection, "acme")


@pytest.fixture
async def swept(database_uri: str, collection: StoredDocuments, clock: Clock) -> AsyncIterator[Company]:
    """A company that uses a gateway whose sweeper runs all the time."""
    async with a_company(database_uri, collection, clock, sweep_seconds=0.05) as company:
        yield company


@pytest.fixture
async def unswept(database_uri: str, collection: StoredDocuments, clock: Clock) -> AsyncIterator[Company]:
    """A company that uses a gateway whose sweeper runs only once, when the gateway starts. Later deadlines must be applied by reads and mutations."""
    async with a_company(database_uri, collection, clock, sweep_seconds=3600) as company:
        yield company


async def stored(company: Company, id: str) -> dict[str, Any]:
    """The stored state of a verification, read through a list, because lists do not apply deadlines."""
    edges = (await company.ask(f"{{ verifications {{ edges {{ node {{ {ROW} }} }} }} }}"))["verifications"]["edges"]
    found: dict[str, Any] = next(edge["node"] for edge in edges if edge["node"]["id"] == id)
    return found


async def once_swept(company: Company, id: str) -> dict[str, Any]:
    """Wait until the sweeper has expired the verification. Returns its stored state."""
    until = monotonic() + GENEROUS_SECONDS
    while (found := await stored(company, id))["status"] == "PENDING":
        assert monotonic() < until, "the sweeper did not change the verification in time"
        await asyncio.sleep(0.02)
    return found


def ending(found: dict[str, Any]) -> tuple[str, list[str], str, datetime]:
    """The outcome of a verification: its status, its reason codes, and the actor and instant of its last event."""
    last = found["events"][-1]
    assert [event["version"] for event in found["events"]] == list(range(1, found["version"] + 1))
    assert last["reasons"] == found["reasons"]
    return found["status"], [reason["code"] for reason in found["reasons"]], last["actor"], datetime.fromisoformat(last["at"])


def in_milliseconds(instant: datetime) -> datetime:
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


async def test_a_verification_expires_fifteen_minutes_after_its_link_was_opened(swept: Company, clock: Clock) -> None:
    id, opened = await swept.created(), clock.now
    await swept.progress(id, LINK_OPENED)

    clock.now = opened + LINK - INSTANT
    before = (await swept.ask(READ, {"id": id}))["verification"]["status"]
    clock.now = opened + LINK
    found = await once_swept(swept, id)

    assert before == "PENDING"
    assert ending(found) == ("INCONCLUSIVE", ["IDVV_1121"], "SYSTEM", in_milliseconds(clock.now))
    assert found["version"] == 3


@pytest.mark.parametrize(("step", "reasons"), [(None, ["IDVV_1101", "IDVV_1199"]), (CAPTURE_STARTED, ["IDVV_1199"])])
async def test_a_verification_without_a_capture_expires_after_seven_days(swept: Company, clock: Clock, step: str | None, reasons: list[str]) -> None:
    id, created = await swept.created(), clock.now
    if step:
        await swept.progress(id, step)

    clock.now = created + WHOLE - INSTANT
    before = (await swept.ask(READ, {"id": id}))["verification"]["status"]
    clock.now = created + WHOLE
    found = await once_swept(swept, id)

    assert before == "PENDING"
    assert ending(found) == ("INCONCLUSIVE", reasons, "SYSTEM", in_milliseconds(clock.now))


async def test_a_captured_verification_waits_for_its_result(swept: Company, clock: Clock) -> None:
    processing, other = await swept.created(), await swept.created()
    await swept.progress(processing, CAPTURE_COMPLETED)

    clock.now += 10 * WHOLE
    await once_swept(swept, other)

    assert (await swept.ask(READ, {"id": processing}))["verification"]["status"] == "PENDING"
    assert (await swept.result(processing, "VERIFIED"))["status"] == "VERIFIED"


async def test_a_link_opened_late_expires_with_the_seven_days(swept: Company, clock: Clock) -> None:
    id, created = await swept.created(), clock.now
    clock.now = created + WHOLE - timedelta(minutes=5)
    await swept.progress(id, LINK_OPENED)

    clock.now = created + WHOLE
    found = await once_swept(swept, id)

    assert ending(found) == ("INCONCLUSIVE", ["IDVV_1199"], "SYSTEM", in_milliseconds(clock.now))


async def test_a_subscriber_receives_the_expiry(swept: Company, clock: Clock) -> None:
    id = await swept.created()
    await swept.progress(id, LINK_OPENED)

    async with following(swept.gateway, swept.token(), UPDATED, {"id": id, "after": 2}) as updates:
        first = await updates.next()
        clock.now += LINK
        [last] = await updates.rest()

    assert (first["verification"]["status"], first["events"]) == ("PENDING", [])
    assert (last["verification"]["status"], last["events"]) == ("INCONCLUSIVE", [{"version": 3}])


async def test_a_changed_setting_of_windows_keeps_existing_deadlines(database_uri: str, collection: StoredDocuments, clock: Clock) -> None:
    query = "query($id: ID!) { verification(id: $id) { createdAt openedAt expiresAt linkExpiresAt } }"

    async with a_company(database_uri, collection, clock, link_window_seconds=60, verification_window_seconds=3600) as company:
        old = await company.created()
        await company.progress(old, LINK_OPENED)
    async with a_company(database_uri, collection, clock, link_window_seconds=5, verification_window_seconds=10) as company:
        new = await company.created()
        await company.progress(new, LINK_OPENED)
        found = [(await company.ask(query, {"id": id}))["verification"] for id in (old, new)]

    windows = []
    for times in found:
        created, opened, expires, link = (datetime.fromisoformat(times[name]) for name in ("createdAt", "openedAt", "expiresAt", "linkExpiresAt"))
        windows.append(((link - opened).total_seconds(), (expires - created).total_seconds()))
    assert windows == [(60, 3600), (5, 10)]


async def overdue(company: Company, clock: Clock, **input: Any) -> str:
    """Create a verification and let its link expire, by moving the clock. Returns the id."""
    id = await company.created(**input)
    await company.progress(id, LINK_OPENED)
    clock.now += 2 * LINK
    return id


async def read(company: Company, id: str) -> str:
    status: str = (await company.ask(READ, {"id": id}))["verification"]["status"]
    return status


async def read_as_a_node(company: Company, id: str) -> str:
    found = await company.ask("query($id: ID!) { node(id: $id) { ... on Verification { status } } }", {"id": id})
    status: str = found["node"]["status"]
    return status


async def followed(company: Company, id: str) -> str:
    async with following(company.gateway, company.token(), UPDATED, {"id": id, "after": 2}) as updates:
        [update] = await updates.rest()
    assert update["events"] == [{"version": 3}]
    status: str = update["verification"]["status"]
    return status


async def progressed(company: Company, id: str) -> str:
    status: str = (await company.progress(id, CAPTURE_COMPLETED))["status"]
    return status


async def anonymized(company: Company, id: str) -> str:
    status: str = (await company.anonymize(id))["status"]
    return status


async def closed(company: Company, id: str) -> str:
    refusal = await company.close(id)
    assert refusal["code"] == "ILLEGAL_TRANSITION"
    status: str = (await stored(company, id))["status"]
    return status


async def anonymized_with_its_chain(company: Company, id: str) -> str:
    status: str = (await company.anonymize(id, whole_chain=True))["status"]
    return status


async def retried(company: Company, id: str) -> str:
    assert (await company.retry(id))["attempt"] == 2
    status: str = (await stored(company, id))["status"]
    return status


async def followed_by_token(company: Company, id: str) -> str:
    assert (await company.issue(id))["__typename"] == "FollowToken"
    status: str = (await stored(company, id))["status"]
    return status


async def created_again(company: Company, id: str) -> str:
    answer = await company.create(idempotencyKey=created_again.__name__)
    assert answer["id"] == id
    status: str = answer["status"]
    return status


async def test_every_access_expires_an_overdue_verification_before_the_sweeper(unswept: Company, clock: Clock) -> None:
    acts: list[Callable[[Company, str], Awaitable[str]]] = [
        read,
        read_as_a_node,
        followed,
        progressed,
        closed,
        anonymized,
        anonymized_with_its_chain,
        retried,
        followed_by_token,
        created_again,
    ]
    for act in acts:
        id = await overdue(unswept, clock, idempotencyKey=act.__name__)

        status = await act(unswept, id)

        found = await stored(unswept, id)
        expiry = found["events"][2]
        assert status == "INCONCLUSIVE", act
        assert (expiry["type"], expiry["actor"], datetime.fromisoformat(expiry["at"])) == ("STATUS_CHANGED", "SYSTEM", in_milliseconds(clock.now))
        assert [reason["code"] for reason in found["reasons"]] == ["IDVV_1121"]


async def test_a_result_that_is_reported_before_the_sweeper_runs_becomes_the_outcome(unswept: Company, clock: Clock) -> None:
    id = await overdue(unswept, clock)

    answer = await unswept.result(id, "VERIFIED")

    assert (answer["status"], answer["version"]) == ("VERIFIED", 3)
    assert ending(await stored(unswept, id)) == ("VERIFIED", [], "PROVIDER", in_milliseconds(clock.now))


async def test_a_result_after_the_sweeper_replaces_the_outcome_of_the_gateway(swept: Company, clock: Clock) -> None:
    id = await overdue(swept, clock)
    await once_swept(swept, id)
    retry = (await swept.retry(id))["id"]

    answer: Answer = await swept.result(id, "VERIFIED", extractedDocument={"fullName": "Jeanne Moreau"})
    ignored: Answer = await swept.result(id, "FAILED", "IDVV_2101")

    query = "query($id: ID!) { verification(id: $id) { extractedDocument { fullName } billable completedAt updatedAt nextAttempt { id status } } }"
    found = (await swept.ask(query, {"id": id}))["verification"]
    assert (answer["status"], ignored["status"]) == ("VERIFIED", "VERIFIED")
    assert [event["type"] for event in (await stored(swept, id))["events"]][2:] == [
        *("STATUS_CHANGED", "RETRY_CREATED", "STATUS_CHANGED", "RESULT_IGNORED"),
    ]
    assert (found["extractedDocument"], found["billable"]) == ({"fullName": "Jeanne Moreau"}, True)
    assert found["nextAttempt"] == {"id": retry, "status": "PENDING"}


async def test_lists_statistics_and_nested_attempts_show_the_stored_state(unswept: Company, clock: Clock) -> None:
    first = await unswept.created()
    await unswept.result(first, "FAILED", "IDVV_2101")
    second = (await unswept.retry(first))["id"]
    clock.now += WHOLE
    before = unswept.kept()

    found = await unswept.ask(
        """
        query($first: ID!) {
          verifications(filter: { status: [PENDING] }) { totalCount edges { node { id status } } }
          verificationStats { byStatus { status count } }
          verification(id: $first) { nextAttempt { id status } attempts { id status } }
        }
        """,
        {"first": first},
    )

    pending = {"id": second, "status": "PENDING"}
    assert found["verifications"] == {"totalCount": 1, "edges": [{"node": pending}]}
    assert found["verificationStats"]["byStatus"][0] == {"status": "PENDING", "count": 1}
    assert found["verification"] == {"nextAttempt": pending, "attempts": [{"id": first, "status": "FAILED"}, pending]}
    assert unswept.kept() == before


async def test_expired_verifications_are_not_part_of_the_median(unswept: Company, clock: Clock) -> None:
    by_deadline, by_provider = await unswept.created(), await unswept.created()
    clock.now += timedelta(seconds=90)
    await unswept.result(by_provider, "VERIFIED")
    clock.now += WHOLE
    await read(unswept, by_deadline)

    stats = (await unswept.ask("{ verificationStats { total billable medianSecondsToResult } }"))["verificationStats"]

    assert stats == {"total": 2, "billable": 1, "medianSecondsToResult": 90.0}


async def test_four_concurrent_sweepers_expire_each_of_a_thousand_verifications_once(database_uri: str, collection: StoredDocuments) -> None:
    created = utc_now() - 2 * WHOLE
    pending = [a_verification(at=created) for _ in range(1000)]
    half_opened = [
        verification.progressed(Progress.LINK_OPENED, WINDOWS, created) if n % 2 else verification for n, verification in enumerate(pending)
    ]

    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(storing(database_uri, utc_now)) for _ in range(4)]
        collection.insert_many(map(encode, half_opened))

        async def swept_all(sweeper: int) -> int:
            total = 0
            while await stores[sweeper].overdue(ORDINARY, 1):
                total += await sweep(chores_of(stores[sweeper])[0])
            return total

        expired = await asyncio.gather(*(swept_all(sweeper) for sweeper in range(4)))

    found = list(collection.find())
    assert sum(expired) == 1000
    assert len(found) == 1000
    for document in found:
        opened = "openedAt" in document
        assert document["status"] == "inconclusive"
        assert document["reasons"] == (["IDVV_1121"] if opened else ["IDVV_1101", "IDVV_1199"])
        assert [event["type"] for event in document["events"]] == ["created", *(["link_opened"] if opened else []), "status_changed"]
        assert document["version"] == len(document["events"])
        assert "due" not in document


async def test_an_unreadable_document_does_not_block_the_sweeper(swept: Company, clock: Clock) -> None:
    damaged, other = await swept.created(), await swept.created()
    swept.collection.update_one({"_id": damaged}, {"$set": {"events": 1}})

    clock.now += WHOLE
    until = monotonic() + GENEROUS_SECONDS
    while swept.collection.count_documents({"_id": other, "status": "pending"}):
        assert monotonic() < until, "the sweeper did not change the verification in time"
        await asyncio.sleep(0.02)

    assert swept.collection.count_documents({"_id": damaged, "status": "pending"}) == 1


async def test_the_backlog_shows_what_the_last_sweep_found_and_when_it_ended() -> None:
    due = [[Due(NOON, "acme", f"ver_{number}") for number in range(3)], []]

    async def batch(after: Due | None) -> list[Due]:
        return due.pop(0)

    async def change(workspace: str, id: str) -> int:
        return int(id != "ver_1")

    backlog = Backlog()
    await sweep(Chore("expired", batch, change), backlog)
    first = backlog.due, backlog.changed, backlog.swept_at is not None
    due.append([])
    await sweep(Chore("expired", batch, change), backlog)

    assert first == (3, 2, True)
    assert (backlog.due, backlog.changed) == (0, 2)
