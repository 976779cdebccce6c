"""Tests the subscription `verificationUpdated`, which follows one verification and, if requested, its retries."""

import asyncio
from typing import Any

import pytest

from store.verifications import utc_now
from tests.company import CAPTURE_COMPLETED, CAPTURE_STARTED, LINK_OPENED, Company
from tests.factories import a_verification
from tests.wire import following, wired

UPDATED = """
subscription($id: ID!, $after: Int, $retries: Boolean! = false) {
  verificationUpdated(id: $id, after: $after, followRetries: $retries) {
    verification { id version status phase attempt attempts { id version } nextAttempt { id } previousAttempt { id } }
    events { version type }
  }
}
"""

Update = dict[str, Any]


def versions(update: Update) -> list[int]:
    return [event["version"] for event in update["events"]]


def shown(update: Update) -> tuple[str, int, list[int]]:
    """What a message shows: the id and the version of its verification, and the versions of its events."""
    return update["verification"]["id"], update["verification"]["version"], versions(update)


async def all_of(company: Company, id: str, **arguments: Any) -> list[Update]:
    """Subscribe to a verification, and return all messages until the subscription completes."""
    async with following(company.gateway, company.token(), UPDATED, {"id": id, **arguments}) as updates:
        return await updates.rest()


async def test_the_state_is_sent_first_then_each_event_until_the_outcome(company: Company) -> None:
    id = await company.created()

    async with following(company.gateway, company.token(), UPDATED, {"id": id}) as updates:
        received = [await updates.next()]
        for step in (LINK_OPENED, CAPTURE_STARTED, CAPTURE_COMPLETED):
            await company.progress(id, step)
            received.append(await updates.next())
        await company.result(id, "FAILED", "IDVV_2101")
        received += await updates.rest()

    assert [shown(update) for update in received] == [(id, 1, []), (id, 2, [2]), (id, 3, [3]), (id, 4, [4]), (id, 5, [5])]
    assert [update["verification"]["phase"] for update in received] == ["AWAITING_INDIVIDUAL", "IN_SESSION", "CAPTURING", "PROCESSING", "DONE"]


@pytest.mark.parametrize(("after", "first"), [(None, []), (0, [1, 2, 3]), (1, [2, 3]), (2, [3]), (3, [])])
async def test_the_events_after_the_given_version_are_sent_first(company: Company, after: int | None, first: list[int]) -> None:
    id = await company.created()
    await company.progress(id, LINK_OPENED)
    await company.progress(id, CAPTURE_STARTED)

    async with following(company.gateway, company.token(), UPDATED, {"id": id, "after": after}) as updates:
        now = await updates.next()
        await company.result(id, "VERIFIED")
        [then] = await updates.rest()

    assert (shown(now), shown(then)) == ((id, 3, first), (id, 4, [4]))


@pytest.mark.parametrize(("after", "events"), [(None, []), (0, [1, 2, 3]), (1, [2, 3]), (3, [])])
async def test_following_a_final_verification_sends_its_state_and_completes(company: Company, after: int | None, events: list[int]) -> None:
    id = await company.created()
    await company.result(id, "INCONCLUSIVE", "IDVV_1314")
    await company.result(id, "VERIFIED")

    assert [shown(update) for update in await all_of(company, id, after=after)] == [(id, 3, events)]


async def test_no_event_is_missed_or_repeated_by_concurrent_subscribers(company: Company) -> None:
    steps = (LINK_OPENED, CAPTURE_STARTED, CAPTURE_COMPLETED)

    async def moved(id: str) -> None:
        for step in steps:
            await company.progress(id, step)
        await company.result(id, "VERIFIED")

    async def raced() -> None:
        id = await company.created()
        received, late, _ = await asyncio.gather(all_of(company, id, after=0), all_of(company, id, after=1), moved(id))
        for updates, first in ((received, 1), (late, 2)):
            assert [version for update in updates for version in versions(update)] == list(range(first, 6))
            assert [update["verification"]["version"] for update in updates] == sorted({update["verification"]["version"] for update in updates})
            assert updates[-1]["verification"]["status"] == "VERIFIED"
            assert all(versions(update)[-1:] in ([], [update["verification"]["version"]]) for update in updates)

    for _ in range(3):
        await asyncio.gather(*(raced() for _ in range(10)))


async def test_an_outcome_during_the_start_of_a_subscription_is_not_missed(company: Company) -> None:
    async with wired(company.gateway, company.token()) as wire:
        for half_milliseconds in range(60):
            id = (pending := a_verification(workspace=company.workspace, at=utc_now())).id
            company.keep(pending)

            async def begun(id: str = id, seconds: float = half_milliseconds / 2000) -> None:
                await asyncio.sleep(seconds)
                await wire.subscribe(id, UPDATED, {"id": id, "after": 0})

            await asyncio.gather(begun(), company.result(id, "VERIFIED"))

            messages = [await wire.hear()]
            while messages[-1]["type"] == "next":
                messages.append(await wire.hear())
            updates = [message["payload"]["data"]["verificationUpdated"] for message in messages[:-1]]
            assert [version for update in updates for version in versions(update)] == [1, 2]
            assert messages[-1] == {"type": "complete", "id": id}


async def test_all_subscribers_of_a_verification_receive_the_same_events(company: Company) -> None:
    id = await company.created()

    async def received() -> list[Update]:
        async with following(company.gateway, company.token(), UPDATED, {"id": id, "after": 0}) as updates:
            first = await updates.next()
            ready.release()
            return [first, *await updates.rest()]

    ready = asyncio.Semaphore(0)
    followers = [asyncio.create_task(received()) for _ in range(20)]
    for _ in followers:
        await ready.acquire()
    await company.progress(id, LINK_OPENED)
    await company.result(id, "VERIFIED")

    for updates in await asyncio.gather(*followers):
        assert [version for update in updates for version in versions(update)] == [1, 2, 3]


async def test_the_other_attempts_are_read_again_for_each_message(company: Company) -> None:
    first = await company.created()
    await company.result(first, "FAILED", "IDVV_2101")

    async with following(company.gateway, company.token(), UPDATED, {"id": first, "retries": True}) as updates:
        before = await updates.next()
        second = (await company.retry(first))["id"]
        after = [await updates.next(), await updates.next()]
        await company.progress(second, LINK_OPENED)
        moved = await updates.next()

    assert (before["verification"]["attempts"], before["verification"]["nextAttempt"]) == ([{"id": first, "version": 2}], None)
    by_id = {update["verification"]["id"]: update["verification"] for update in after}
    assert by_id[first]["nextAttempt"] == {"id": second}
    assert [attempt["id"] for attempt in by_id[first]["attempts"]] == [first, second]
    assert by_id[second]["previousAttempt"] == {"id": first}
    assert moved["verification"]["attempts"] == [{"id": first, "version": 3}, {"id": second, "version": 2}]


async def test_retries_are_followed_until_one_is_verified_and_late_results_of_earlier_attempts_are_sent(company: Company) -> None:
    first = await company.created()

    async with following(company.gateway, company.token(), UPDATED, {"id": first, "after": 0, "retries": True}) as updates:
        received = [await updates.next()]
        await company.result(first, "INCONCLUSIVE", "IDVV_1314")
        received.append(await updates.next())
        second = (await company.retry(first))["id"]
        received += [await updates.next(), await updates.next()]
        await company.result(second, "FAILED", "IDVV_2101")
        received.append(await updates.next())
        third = (await company.retry(second))["id"]
        received += [await updates.next(), await updates.next()]
        await company.result(first, "VERIFIED")
        received.append(await updates.next())
        await company.result(third, "VERIFIED")
        received += await updates.rest()

    assert sorted(map(shown, received)) == sorted(
        [
            *[(first, 1, [1]), (first, 2, [2]), (first, 3, [3]), (first, 4, [4])],
            *[(second, 1, [1]), (second, 2, [2]), (second, 3, [3])],
            *[(third, 1, [1]), (third, 2, [2])],
        ]
    )
    assert received[-2]["verification"]["id"] == first
    assert received[-2]["events"] == [{"version": 4, "type": "RESULT_IGNORED"}]
    assert received[-1]["verification"] | {"attempts": None} == {
        "id": third,
        "version": 2,
        "status": "VERIFIED",
        "phase": "DONE",
        "attempt": 3,
        "attempts": None,
        "nextAttempt": None,
        "previousAttempt": {"id": second},
    }


async def test_all_events_of_later_attempts_are_sent_and_none_of_earlier_attempts(company: Company) -> None:
    first = await company.created()
    await company.result(first, "FAILED", "IDVV_2101")
    second = (await company.retry(first))["id"]
    await company.result(second, "FAILED", "IDVV_2101")
    third = (await company.retry(second))["id"]
    await company.result(third, "VERIFIED")

    whole = await all_of(company, first, after=3, retries=True)
    middle = await all_of(company, second, after=1, retries=True)
    last = await all_of(company, third, retries=True)

    assert [shown(update) for update in whole] == [(first, 3, []), (second, 3, [1, 2, 3]), (third, 2, [1, 2])]
    assert [shown(update) for update in middle] == [(second, 3, [2, 3]), (third, 2, [1, 2])]
    assert [shown(update) for update in last] == [(third, 2, [])]


async def test_a_retry_during_the_start_of_a_subscription_is_not_missed(company: Company) -> None:
    async def raced() -> None:
        first = await company.created()
        await company.result(first, "FAILED", "IDVV_2101")

        async def retried() -> None:
            await company.result((await company.retry(first))["id"], "VERIFIED")

        updates, _ = await asyncio.gather(all_of(company, first, after=0, retries=True), retried())

        received: dict[str, list[int]] = {}
        for update in updates:
            received.setdefault(update["verification"]["id"], []).extend(versions(update))
        assert sorted(received.values()) == [[1, 2], [1, 2, 3]]

    await asyncio.gather(*(raced() for _ in range(20)))


async def test_a_subscriber_resumes_after_the_last_version_without_a_gap(company: Company) -> None:
    id = await company.created()
    seen: list[int] = []

    for step in (LINK_OPENED, CAPTURE_STARTED, CAPTURE_COMPLETED):
        async with following(company.gateway, company.token(), UPDATED, {"id": id, "after": len(seen)}) as updates:
            seen += versions(await updates.next())
        await company.progress(id, step)
    await company.result(id, "VERIFIED")
    for update in await all_of(company, id, after=len(seen)):
        seen += versions(update)

    assert seen == [1, 2, 3, 4, 5]


async def test_fragments_aliases_and_directives_work_in_a_subscription(company: Company) -> None:
    id = await company.created()
    query = """
        subscription($id: ID!, $no: Boolean! = false) { now: verificationUpdated(id: $id) { __typename v: verification { ...Row } } }
        fragment Row on Verification { __typename n: version status @include(if: $no) }
    """

    async with following(company.gateway, company.token(), query, {"id": id}) as updates:
        response = await updates.response()

    assert response == {"data": {"now": {"__typename": "VerificationUpdate", "v": {"__typename": "Verification", "n": 1}}}}


@pytest.mark.parametrize("followed", ["itself", "its chain by the first attempt", "its chain by the last attempt"])
async def test_a_deleted_verification_ends_its_subscriptions_with_not_found(company: Company, stranger: Company, followed: str) -> None:
    first = await company.created()
    await company.result(first, "INCONCLUSIVE", "IDVV_1314")
    second = (await company.retry(first))["id"]
    kept, foreign = await company.created(), await stranger.created()
    start = first if followed == "its chain by the first attempt" else second
    retries = followed != "itself"

    async with (
        following(company.gateway, company.token(), UPDATED, {"id": start, "retries": retries}) as updates,
        following(company.gateway, company.token(), UPDATED, {"id": kept, "retries": retries}) as others,
        following(stranger.gateway, stranger.token(), UPDATED, {"id": foreign, "retries": retries}) as theirs,
    ):
        for each in (updates, others, theirs):
            await each.next()
        if start == first:
            await updates.next()
        company.collection.delete_one({"_id": second})

        errors = await updates.errors()
        await company.result(kept, "VERIFIED")
        await stranger.result(foreign, "VERIFIED")
        outcomes = [(await each.rest())[-1]["verification"]["status"] for each in (others, theirs)]

    assert [error["extensions"] for error in errors] == [{"code": "NOT_FOUND"}]
    assert second in errors[0]["message"]
    assert outcomes == ["VERIFIED", "VERIFIED"]
