"""Tests of the statistics: counts by status and by reason, and the median time to a result."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from statistics import median
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.event import Actor, Event, EventType
from domain.filter import Filter
from domain.result import Result
from domain.status import Status
from domain.verification import Verification
from store.driver import Document
from store.verifications import Store, Verifications
from tests.clock import Clock
from tests.crowds import filters
from tests.factories import FAILED_RESULT, NOON, VERIFIED_RESULT, a_final_verification, a_verification, later, retried
from tests.histories import results
from tests.storing import another_database, encode, storing

INDIVIDUALS_RESULT = Result.reported(Status.INCONCLUSIVE, ["IDVV_3001"])

durations = st.integers(0, 5).map(lambda number: timedelta(milliseconds=number * 501))


instants = st.integers(0, 5).map(lambda minutes: later(minutes=minutes)) | st.integers(0, 3).map(lambda days: later(hours=12 * days, milliseconds=-1))


@st.composite
def verifications_of_all_kinds(draw: st.DrawFn) -> Verification:
    """A random verification: pending, with a result, expired or closed. A final one may have an ignored result and a retry, and may be anonymized."""
    verification = a_verification(at=draw(instants), reference=draw(st.sampled_from(["order-1", "order-2"])))
    match draw(st.sampled_from(["pending", "result", "result", "result", "expired", "closed"])):
        case "result":
            verification = verification.concluded(draw(results), verification.created_at + draw(durations))
        case "expired":
            verification = verification.expired(verification.expires_at)
        case "closed":
            verification = verification.closed_by_integrator(None, verification.created_at + draw(durations))
    if verification.status.final and draw(st.booleans()):
        verification = verification.concluded(draw(results), later(days=1))
    if verification.can_retry and draw(st.booleans()):
        verification, _ = retried(verification, later(days=2))
    if verification.status.final and draw(st.booleans()):
        verification = verification.anonymized(Actor.INTEGRATOR, later(days=3))
    return verification


@pytest.fixture(scope="module")
async def shared(mongo_uri: str) -> AsyncIterator[Store]:
    """A store that all examples share. Each example uses its own workspace."""
    async with storing(another_database(mongo_uri), Clock()) as store:
        yield store


def seconds_to_result(verification: Verification) -> float | None:
    """The seconds from the creation to the last outcome; None without an outcome, or if its actor is SYSTEM or the integrator."""
    for event in reversed(verification.events):
        if event.type is EventType.STATUS_CHANGED:
            by_people = event.actor in (Actor.INDIVIDUAL, Actor.PROVIDER)
            return (event.at - verification.created_at) / timedelta(seconds=1) if by_people else None
    return None


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(crowd=st.lists(verifications_of_all_kinds(), max_size=12), filter=filters)
async def test_statistics_count_the_matching_verifications(shared: Store, crowd: list[Verification], filter: Filter) -> None:
    workspace = f"workspace-{uuid4().hex}"
    if crowd:
        await shared.collection.insert_many([encode(verification) | {"workspace": workspace} for verification in crowd])

    stats = await shared.within(workspace).statistics(filter, by_day=True)
    without_days = await shared.within(workspace).statistics(filter)

    matching = [verification for verification in crowd if filter.matches(verification)]
    reasons = Counter(code for verification in matching for code in verification.reasons)
    took = [seconds for verification in matching if (seconds := seconds_to_result(verification)) is not None]
    assert [(row.status, row.count) for row in stats.by_status] == [(status, sum(it.status is status for it in matching)) for status in Status]
    assert [(row.reason.code, row.count) for row in stats.by_reason] == sorted(reasons.items(), key=lambda row: (-row[1], row[0]))
    assert stats.median_seconds_to_result == (pytest.approx(median(took), abs=1e-6) if took else None)
    assert stats.total == len(matching)
    assert stats.billable == sum(bool(verification.billable) for verification in matching)
    days = Counter((str(it.created_at.date()), it.status) for it in matching)
    assert [row.day for row in stats.by_day or ()] == sorted({day for day, _ in days})
    assert {(row.day, each.status): each.count for row in stats.by_day or () for each in row.by_status if each.count} == days
    assert [row.total for row in stats.by_day or ()] == [sum(days[row.day, status] for status in Status) for row in stats.by_day or ()]
    assert without_days == replace(stats, by_day=None)


async def concluded_after(verifications: Verifications, *seconds: float) -> float | None:
    """Add verifications that took these numbers of seconds to their result. Returns the median that the statistics contain."""
    for each in seconds:
        await verifications.add(a_verification().concluded(VERIFIED_RESULT, later(seconds=each)))
    return (await verifications.statistics(Filter())).median_seconds_to_result


async def test_the_median_of_an_odd_number_of_durations_is_the_middle_one(verifications: Verifications) -> None:
    assert await concluded_after(verifications, 50, 1, 2.5) == 2.5


async def test_the_median_of_an_even_number_of_durations_is_the_mean_of_the_middle_two(verifications: Verifications) -> None:
    assert await concluded_after(verifications, 50, 1, 2.5, 4) == 3.25


async def test_the_median_of_one_duration_is_that_duration(verifications: Verifications) -> None:
    assert await concluded_after(verifications, 7) == 7


async def test_without_outcomes_there_is_no_median(verifications: Verifications) -> None:
    await verifications.add(a_verification())

    assert (await verifications.statistics(Filter())).median_seconds_to_result is None


async def test_expired_verifications_are_counted_but_not_part_of_the_median(verifications: Verifications) -> None:
    await verifications.add(a_verification().expired(later(days=7)))
    await verifications.add(a_verification().concluded(INDIVIDUALS_RESULT, later(seconds=8)))

    stats = await verifications.statistics(Filter())

    assert stats.by_status[1].count == 2
    assert stats.median_seconds_to_result == 8


async def test_an_ignored_result_is_not_counted(verifications: Verifications) -> None:
    verification = a_verification().concluded(VERIFIED_RESULT, later(seconds=8)).concluded(FAILED_RESULT, later(seconds=90))
    await verifications.add(verification)

    stats = await verifications.statistics(Filter())

    assert stats.by_reason == ()
    assert (stats.total, stats.billable, stats.median_seconds_to_result) == (1, 1, 8)


async def test_reasons_are_sorted_by_count_and_then_by_code(verifications: Verifications) -> None:
    for codes in (["IDVV_2101"], ["IDVV_1301", "IDVV_2202"], ["IDVV_2202", "NEW"]):
        await verifications.add(a_final_verification(Result.reported(Status.FAILED, codes)))

    stats = await verifications.statistics(Filter())

    assert [(row.reason.code, row.count) for row in stats.by_reason] == [("IDVV_2202", 2), ("IDVV_1301", 1), ("IDVV_2101", 1), ("NEW", 1)]
    assert [row.reason.known for row in stats.by_reason] == [True, True, True, False]


async def test_all_four_statuses_are_listed_for_an_empty_workspace(verifications: Verifications) -> None:
    stats = await verifications.statistics(Filter(created_from=NOON))

    assert [(row.status, row.count) for row in stats.by_status] == [(status, 0) for status in Status]
    assert (stats.total, stats.billable, stats.by_reason) == (0, 0, ())


async def test_a_day_begins_at_midnight_in_utc_and_lists_all_four_statuses(verifications: Verifications) -> None:
    midnight = later(hours=12)
    for at in (midnight - timedelta(milliseconds=1), midnight, midnight + timedelta(hours=23)):
        await verifications.add(a_verification(at=at))

    days = (await verifications.statistics(Filter(), by_day=True)).by_day

    assert days
    assert [(row.day, row.total) for row in days] == [("2026-03-02", 1), ("2026-03-03", 2)]
    assert [(row.status, row.count) for row in days[1].by_status] == [(Status.PENDING, 2), *((status, 0) for status in Status if status.final)]


async def test_the_newest_400_days_are_listed(store: Store, verifications: Verifications) -> None:
    await store.collection.insert_many([encode(a_verification(at=later(days=2 * number))) for number in range(410)])

    stats = await verifications.statistics(Filter(), by_day=True)

    assert stats.by_day
    assert [row.day for row in stats.by_day] == [str(later(days=2 * number).date()) for number in range(10, 410)]
    assert stats.total == 410


async def test_a_verdict_that_replaces_an_outcome_of_the_system_is_part_of_the_median(store: Store, verifications: Verifications) -> None:
    expired = a_verification().expired(later(days=7))
    verdict = Event(3, EventType.STATUS_CHANGED, Actor.PROVIDER, later(days=8), from_status=Status.INCONCLUSIVE, to_status=Status.VERIFIED)
    verified = replace(expired, status=Status.VERIFIED, reasons=(), version=3, completed_at=verdict.at, events=(*expired.events, verdict))
    await store.collection.insert_one(encode(verified))

    assert (await verifications.statistics(Filter())).median_seconds_to_result == timedelta(days=8).total_seconds()


async def test_a_damaged_time_of_creation_is_on_no_day(store: Store, verifications: Verifications) -> None:
    damaged: list[Document] = [{"createdAt": 7}, {"createdAt": None}, {"createdAt": "2026-03-02"}, {"createdAt": {}}]
    statuses: list[Document] = [{"status": "suspended"}, {"status": None}, {"status": {"name": "failed"}}]
    await store.collection.insert_many([encode(a_verification()) | changed for changed in [*damaged, *statuses]])

    stats = await verifications.statistics(Filter(), by_day=True)

    assert [(row.day, row.total, row.of_unknown_status) for row in stats.by_day or ()] == [("2026-03-02", 3, 3)]
    assert stats.total == 7


async def test_damaged_documents_do_not_break_the_statistics(store: Store, verifications: Verifications) -> None:
    healthy = a_verification().concluded(VERIFIED_RESULT, later(seconds=30))
    damages: list[Document] = [
        {"status": "suspended"},
        {"status": {"name": "failed"}},
        {"status": None},
        {"completedAt": "tomorrow"},
        {"completedAt": [later(days=1)]},
        {"createdAt": 7},
        {"events": 7},
        {"events": {"0": 7}},
        {"events": [7, None, {"type": 7}]},
        {"reasons": [7, {}, None]},
        {"reasons": 7},
    ]
    await store.collection.insert_many([encode(healthy), *(encode(a_final_verification()) | changed for changed in damages)])

    counted = await verifications.statistics(Filter())

    assert (counted.total, await verifications.count(Filter())) == (12, 12)
    assert {row.status: row.count for row in counted.by_status} == {
        Status.PENDING: 0,
        Status.INCONCLUSIVE: 0,
        Status.VERIFIED: 1,
        Status.FAILED: 8,
    }
    assert {row.reason.code: row.count for row in counted.by_reason} == {"IDVV_2101": 9, "IDVV_1301": 9}
    assert counted.billable == 9
    assert counted.median_seconds_to_result == 0


async def test_invalid_durations_are_not_part_of_the_median(store: Store, verifications: Verifications) -> None:
    healthy = a_verification().concluded(VERIFIED_RESULT, later(seconds=30))
    damaged = [encode(healthy) | {"_id": f"ver_{name}", "provider": {}, name: value} for name, value in (("createdAt", 7), ("completedAt", None))]
    await store.collection.insert_many([encode(healthy), *damaged])

    assert (await verifications.statistics(Filter())).median_seconds_to_result == 30
