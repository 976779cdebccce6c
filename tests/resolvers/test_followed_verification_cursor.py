"""Tests how `verificationUpdated` resumes from a cursor, over sockets and over event streams."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from resolvers.chain_cursor import Seen, encode_chain_cursor
from store.verifications import utc_now
from tests.company import CAPTURE_STARTED, LINK_OPENED, Company
from tests.factories import a_verification, an_id
from tests.followers import FOLLOW, ChainFollower, Transport, Update
from tests.streams import streaming
from tests.wire import following

TRANSPORTS = pytest.mark.parametrize("transport", ["socket", "stream"])


def shown(update: Update) -> tuple[str, int, list[int]]:
    """What a message shows: the id and the version of its verification, and the versions of its events."""
    return update["verification"]["id"], update["verification"]["version"], [event["version"] for event in update["events"]]


async def rest(updates: AsyncIterator[Update]) -> list[tuple[str, int, list[int]]]:
    """Receive messages until the subscription completes. Returns what `shown` returns for each of them."""
    async with asyncio.timeout(30):
        return [shown(update) async for update in updates]


async def refused(company: Company, **variables: Any) -> str:
    """Subscribe with these variables, and return the code of the error that ends the subscription."""
    async with following(company.gateway, company.token(), FOLLOW, variables) as updates:
        [error] = await updates.errors()
    code: str = error["extensions"]["code"]
    return code


async def failed_twice(company: Company) -> tuple[str, str]:
    """Create a chain of two attempts. Returns their ids.

    The first attempt failed at its version 2 and was retried at its version 3. The second attempt failed at its version 2.
    """
    first = await company.created()
    await company.result(first, "FAILED", "IDVV_2101")
    second = (await company.retry(first))["id"]
    await company.result(second, "FAILED", "IDVV_2101")
    return first, second


@TRANSPORTS
async def test_a_chain_resumes_with_the_newest_state_and_without_repetitions(company: Company, transport: Transport) -> None:
    first, second = await failed_twice(company)
    follower = ChainFollower(first)
    async with follower.following(company.gateway, company.token(), transport) as updates:
        received = [shown(await anext(updates)) for _ in range(2)]
    third = (await company.retry(second))["id"]
    await company.result(first, "VERIFIED")

    async with follower.following(company.gateway, company.token(), transport) as updates:
        missed = [shown(await anext(updates)) for _ in range(3)]
        await company.result(third, "VERIFIED")
        last = await rest(updates)

    assert received == [(first, 3, [1, 2, 3]), (second, 2, [1, 2])]
    assert missed == [(third, 1, [1]), (first, 4, [4]), (second, 3, [3])]
    assert last == [(third, 2, [2])]


@TRANSPORTS
async def test_a_chain_completes_although_only_the_complete_message_was_lost(company: Company, transport: Transport) -> None:
    first, second = await failed_twice(company)
    third = (await company.retry(second))["id"]
    await company.result(third, "VERIFIED")
    follower = ChainFollower(first)
    async with follower.following(company.gateway, company.token(), transport) as updates:
        for _ in range(3):
            await anext(updates)

    async with follower.following(company.gateway, company.token(), transport) as updates:
        assert await rest(updates) == [(third, 2, [])]


@TRANSPORTS
async def test_the_newest_state_is_sent_even_if_only_an_earlier_attempt_has_a_new_event(company: Company, transport: Transport) -> None:
    first, second = await failed_twice(company)
    follower = ChainFollower(first)
    async with follower.following(company.gateway, company.token(), transport) as updates:
        for _ in range(2):
            await anext(updates)
    await company.result(first, "VERIFIED")

    async with follower.following(company.gateway, company.token(), transport) as updates:
        assert [shown(await anext(updates)) for _ in range(2)] == [(second, 2, []), (first, 4, [4])]


@TRANSPORTS
async def test_a_connection_lost_between_the_first_messages_of_a_resumption_loses_nothing(company: Company, transport: Transport) -> None:
    first, second = await failed_twice(company)
    follower = ChainFollower(first)
    async with follower.following(company.gateway, company.token(), transport) as updates:
        await anext(updates)
    third = (await company.retry(second))["id"]
    await company.result(third, "VERIFIED")

    for messages in (1, 1, 2):
        async with follower.following(company.gateway, company.token(), transport) as updates:
            for _ in range(messages):
                await anext(updates)

    assert follower.versions == {first: [1, 2, 3], second: [1, 2, 3], third: [1, 2]}


async def test_a_subscriber_of_a_later_attempt_receives_late_events_of_the_earlier_attempts_but_not_their_past(company: Company) -> None:
    first, second = await failed_twice(company)
    third = (await company.retry(second))["id"]
    async with following(company.gateway, company.token(), FOLLOW, {"id": second}) as updates:
        now = [await updates.next(), await updates.next()]
        await company.result(first, "VERIFIED")
        late = await updates.next()
    await company.result(first, "INCONCLUSIVE", "IDVV_1314")

    async with following(company.gateway, company.token(), FOLLOW, {"id": second, "cursor": late["cursor"]}) as updates:
        resumed = [await updates.next(), await updates.next()]

    assert [*map(shown, now)] == [(second, 3, []), (third, 1, [1])]
    assert shown(late) == (first, 4, [4])
    assert [*map(shown, resumed)] == [(third, 1, []), (first, 5, [5])]


async def test_without_retries_only_the_part_of_the_id_counts_and_the_others_are_kept(company: Company) -> None:
    first, second = await failed_twice(company)
    cursor = encode_chain_cursor(first, ((1, 2), (2, 1)))

    async with following(company.gateway, company.token(), FOLLOW, {"id": first, "cursor": cursor, "retries": False}) as updates:
        [alone] = await updates.rest()
    async with following(company.gateway, company.token(), FOLLOW, {"id": first, "cursor": alone["cursor"]}) as updates:
        whole = await updates.next()

    assert shown(alone) == (first, 3, [3])
    assert shown(whole) == (second, 2, [2])


@pytest.mark.parametrize("seen", [((1, 3),), ((1, 3), (2, 0))])
async def test_attempts_that_a_cursor_does_not_contain_are_new(company: Company, seen: Seen) -> None:
    first, second = await failed_twice(company)

    async with following(company.gateway, company.token(), FOLLOW, {"id": first, "cursor": encode_chain_cursor(first, seen)}) as updates:
        assert shown(await updates.next()) == (second, 2, [1, 2])


@pytest.mark.parametrize("retries", [True, False])
async def test_attempts_before_the_first_one_in_a_cursor_count_as_received(company: Company, retries: bool) -> None:
    first, second = await failed_twice(company)
    cursor = encode_chain_cursor(first, ((2, 1),))

    async with following(company.gateway, company.token(), FOLLOW, {"id": first, "cursor": cursor, "retries": retries}) as updates:
        first_update = await updates.next()

    assert shown(first_update) == ((second, 2, [2]) if retries else (first, 3, []))
    assert first_update["cursor"] == encode_chain_cursor(first, ((1, 3), (2, 2 if retries else 1)))


async def test_an_outcome_after_a_completed_subscription_is_delivered_on_resumption(company: Company) -> None:
    id = await company.created()
    await company.result(id, "INCONCLUSIVE", "IDVV_1314")
    async with following(company.gateway, company.token(), FOLLOW, {"id": id, "after": 0, "retries": False}) as updates:
        [completed] = await updates.rest()
    await company.result(id, "VERIFIED")

    async with following(company.gateway, company.token(), FOLLOW, {"id": id, "cursor": completed["cursor"], "retries": False}) as updates:
        [later] = await updates.rest()
    async with following(company.gateway, company.token(), FOLLOW, {"id": id, "cursor": later["cursor"], "retries": False}) as updates:
        [again] = await updates.rest()

    assert [*map(shown, (completed, later, again))] == [(id, 2, [1, 2]), (id, 3, [3]), (id, 3, [])]


async def test_the_deadline_of_the_newest_attempt_is_applied_on_resumption(company: Company) -> None:
    overdue = a_verification(workspace=company.workspace, at=utc_now() - timedelta(days=8))
    company.keep(overdue)
    cursor = encode_chain_cursor(overdue.chain, ((1, 1),))

    async with following(company.gateway, company.token(), FOLLOW, {"id": overdue.id, "cursor": cursor}) as updates:
        assert (await updates.next())["verification"]["status"] == "INCONCLUSIVE"


async def test_a_cursor_of_another_chain_is_bad_input(company: Company, stranger: Company) -> None:
    id, other, foreign = await company.created(), await company.created(), await stranger.created()

    for retries in (True, False):
        for chain in (other, foreign, an_id()):
            cursor = encode_chain_cursor(chain, ((1, 1),))
            assert await refused(company, id=id, cursor=cursor, retries=retries) == "BAD_USER_INPUT"
        assert await refused(company, id=foreign, cursor=encode_chain_cursor(foreign, ((1, 1),)), retries=retries) == "NOT_FOUND"


@pytest.mark.parametrize("cursor", ["", "x", "A" * 5000, "\N{SNOWMAN}", encode_chain_cursor(an_id(), ((1, 1),)) + "="])
async def test_a_malformed_cursor_is_bad_input(company: Company, cursor: str) -> None:
    assert await refused(company, id=await company.created(), cursor=cursor) == "BAD_USER_INPUT"


@pytest.mark.parametrize("after", [0, 1])
async def test_a_cursor_together_with_after_is_bad_input(company: Company, after: int) -> None:
    id = await company.created()

    assert await refused(company, id=id, after=after, cursor=encode_chain_cursor(id, ((1, 1),))) == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    ("seen", "retries", "ahead"),
    [
        (((1, 4),), True, True),
        (((1, 4),), False, True),
        (((1, 3), (2, 3)), True, True),
        (((1, 3), (2, 3)), False, False),
        (((1, 3), (2, 2), (3, 1)), True, True),
        (((1, 3), (2, 2), (3, 1)), False, False),
        (((1, 3), (2, 2)), True, False),
    ],
)
async def test_a_cursor_that_is_ahead_of_the_stored_versions_is_refused(company: Company, seen: Seen, retries: bool, ahead: bool) -> None:
    first, _ = await failed_twice(company)
    variables = {"id": first, "cursor": encode_chain_cursor(first, seen), "retries": retries}

    if ahead:
        assert await refused(company, **variables) == "VERSION_AHEAD"
    else:
        async with following(company.gateway, company.token(), FOLLOW, variables) as updates:
            assert shown(await updates.next())[2] == []


async def test_the_id_of_an_earlier_release_resumes_a_chain_without_loss(company: Company) -> None:
    first, second = await failed_twice(company)
    await company.retry(second)
    messages = []

    async with streaming(company.gateway, company.token(), FOLLOW, id=first, headers={"last-event-id": f"{second}:1"}) as stream:
        for _ in range(3):
            _, message = await stream.next()
            messages.append(shown(message["data"]["verificationUpdated"]))

    assert messages[0][1:] == (1, [1])
    assert messages[1:] == [(first, 3, [1, 2, 3]), (second, 3, [2, 3])]


async def test_subscribers_with_different_histories_receive_their_own_cursors(company: Company) -> None:
    """The subscribers share their messages (a group), because they have the same operation and rights. But their cursors for one change differ."""
    first, second = await failed_twice(company)
    third = (await company.retry(second))["id"]
    histories: list[Seen] = [((1, 3), (2, 3), (3, 1)), ((2, 3), (3, 1)), ((1, 3), (3, 1)), ((1, 3), (2, 3))]
    variables: list[dict[str, Any]] = [
        {"id": third, "cursor": encode_chain_cursor(first, seen), "retries": retries} for seen in histories for retries in (False, True)
    ]
    followings = [following(company.gateway, company.token(), FOLLOW, each) for each in variables]
    subscribers = [await each.__aenter__() for each in followings]
    cursors: dict[int, str] = {}
    for number, updates in enumerate(subscribers):
        cursors[number] = (await updates.until(lambda update: update["verification"]["id"] == third))[-1]["cursor"]
    try:
        for step in (LINK_OPENED, CAPTURE_STARTED):
            await company.progress(third, step)
            for number, updates in enumerate(subscribers):
                reached = await updates.until(lambda update: update["verification"]["id"] == third and update["events"])
                cursors[number] = reached[-1]["cursor"]
    finally:
        for each in followings:
            await each.__aexit__(None, None, None)

    expected: list[Seen] = []
    for seen in histories:
        expected += [tuple(sorted({**dict(seen), 3: 3}.items())), ((1, 3), (2, 3), (3, 3))]
    assert [cursors[number] for number in range(len(variables))] == [encode_chain_cursor(first, seen) for seen in expected]
