"""Tests the stored deliveries: which event must be sent next, when, and which process may send it. The MongoDB is real."""

from datetime import timedelta

import pytest

from domain.delivery import DeliveryState
from domain.event import Progress
from store.indexes import DELIVERIES
from store.queues.deliveries import SENDING_LEASE, DeliveryClaim, NewEvents, StoredDeliveries, new_events
from store.verifications import Store
from tests.clock import Clock
from tests.factories import FAILED_RESULT, NOON, WINDOWS, a_verification, later

ID = "ver_1"


@pytest.fixture
def stored(store: Store) -> StoredDeliveries:
    """Access to the deliveries in the database of the store."""
    return StoredDeliveries(store)


async def a_claim(stored: StoredDeliveries) -> DeliveryClaim:
    """Claim the only delivery that is due in the workspace `acme`. Returns the claim."""
    [claim] = await stored.claimed("acme", 8)
    return claim


async def test_recording_events_again_changes_nothing(store: Store, stored: StoredDeliveries) -> None:
    await stored.record("acme", [NewEvents(ID, 3, 1, NOON)])
    before = await store.database[DELIVERIES].find_one({"_id": ID})
    await stored.record("acme", [NewEvents(ID, 3, 2, NOON), NewEvents(ID, 2, 0, NOON)])

    assert before is not None
    assert await store.database[DELIVERIES].find_one({"_id": ID}) == before
    assert (before["version"], before["settled"], before["state"], before["due"], before["since"]) == (3, 1, "waiting", NOON, NOON)


async def test_a_claimed_delivery_is_not_due_until_its_lease_has_ended(stored: StoredDeliveries, clock: Clock) -> None:
    await stored.record("acme", [NewEvents(ID, 1, 0, NOON)])
    claim = await a_claim(stored)

    assert await stored.claimed("acme", 8) == []
    assert await stored.claimed("other", 8) == []
    clock.now = NOON + SENDING_LEASE
    second = await a_claim(stored)

    assert await stored.settled(claim, 204) is None
    assert (found := await stored.get(ID))
    assert found.settled == 0
    await stored.settled(second, 204)
    assert (found := await stored.get(ID))
    assert (found.settled, found.state) == (1, DeliveryState.DELIVERED)


async def test_events_that_are_recorded_during_a_try_belong_to_its_claim(stored: StoredDeliveries) -> None:
    await stored.record("acme", [NewEvents(ID, 1, 0, NOON)])
    claim = await a_claim(stored)
    await stored.record("acme", [NewEvents(ID, 2, 0, NOON)])

    assert await stored.claimed("acme", 8) == []
    following = await stored.settled(claim, 204)

    assert following
    assert following.settled == 1
    assert await stored.settled(following, 200) is None
    assert (found := await stored.get(ID))
    assert (found.delivered_version, found.last_status, found.next_try_at) == (2, 200, None)


async def test_a_postponed_event_is_due_after_the_pause(stored: StoredDeliveries, clock: Clock) -> None:
    await stored.record("acme", [NewEvents(ID, 1, 0, NOON)])
    await stored.postponed(await a_claim(stored), 503, "$an error", timedelta(minutes=2))
    await stored.record("acme", [NewEvents(ID, 2, 0, NOON)])

    assert (found := await stored.get(ID))
    assert (found.tries, found.last_status, found.last_error, found.next_try_at) == (1, 503, "$an error", later(minutes=2))
    clock.now = later(minutes=2, milliseconds=-1)
    assert await stored.claimed("acme", 8) == []
    clock.now = later(minutes=2)
    assert (await a_claim(stored)).tries == 1


async def test_what_was_given_up_is_listed_until_it_is_sent_again(store: Store, stored: StoredDeliveries, clock: Clock) -> None:
    verification = a_verification().concluded(FAILED_RESULT, NOON)
    await stored.record("acme", [NewEvents(verification.id, 2, 0, NOON)])
    following = await stored.settled(await a_claim(stored), None, "no response")
    assert following
    assert [found.failed_versions for found in await stored.failed_since(None, NOON, 5)] == [(1,)]
    assert await stored.failed_since("acme", later(minutes=1), 5) == []
    await stored.settled(following, 204)
    assert (found := await stored.get(verification.id))
    assert (found.state, found.delivered_version) == (DeliveryState.FAILED, 2)

    await stored.resend(verification, 1)

    assert await stored.failed_since("acme", NOON, 5) == []
    assert (found := await stored.get(verification.id))
    assert (found.state, found.settled) == (DeliveryState.WAITING, 0)


async def test_a_resend_ends_the_claim_under_way(stored: StoredDeliveries) -> None:
    verification = a_verification().concluded(FAILED_RESULT, NOON)
    await stored.record("acme", [NewEvents(verification.id, 2, 1, NOON)])
    claim = await a_claim(stored)
    await stored.resend(verification, 1)

    assert await stored.settled(claim, 204) is None
    assert (await a_claim(stored)).settled == 0


async def test_the_list_begins_with_the_last_change(stored: StoredDeliveries, clock: Clock) -> None:
    for number, id in enumerate(("a", "b", "c")):
        clock.now = later(minutes=number)
        await stored.record("other" if id == "b" else "acme", [NewEvents(id, 1, 0, NOON)])

    async def ids(workspace: str | None, *states: DeliveryState) -> list[str]:
        return [found.verification_id for found in await stored.newest(workspace, states, 2)]

    assert await ids("acme", *DeliveryState) == ["c", "a"]
    assert await ids(None, *DeliveryState) == ["c", "b"]
    assert await ids("acme", DeliveryState.DELIVERED) == []


async def test_the_age_is_that_of_the_oldest_event_that_waits(stored: StoredDeliveries, clock: Clock) -> None:
    assert await stored.oldest_waiting_seconds(["acme"]) == 0
    await stored.record("acme", [NewEvents(ID, 1, 0, NOON)])
    clock.now = later(seconds=10)
    await stored.record("acme", [NewEvents("ver_2", 1, 0, clock.now)])

    assert await stored.oldest_waiting_seconds(["acme"]) == 10
    assert await stored.oldest_waiting_seconds(["other"]) == 0
    for claim in await stored.claimed("acme", 8):
        await stored.settled(claim, 204)
    assert await stored.oldest_waiting_seconds(["acme"]) == 0


def test_events_before_the_beginning_are_left_out() -> None:
    verification = a_verification().progressed(Progress.LINK_OPENED, WINDOWS, later(minutes=10)).concluded(FAILED_RESULT, later(minutes=20))

    assert new_events(verification, NOON) == NewEvents(verification.id, 3, 0, later(minutes=20))
    assert new_events(verification, later(minutes=15)) == NewEvents(verification.id, 3, 2, later(minutes=20))
    assert new_events(verification, later(minutes=30)) is None


async def test_the_time_of_mongodb_decides_whether_the_last_event_counts(store: Store) -> None:
    """The clock of the gateway that wrote the event may be slow. The event's own instant may then be earlier than the beginning of the deliveries."""
    added = await store.within("acme").add(a_verification())
    found = await store.within("acme").get(added.id)

    assert found
    assert new_events(found, NOON + timedelta(days=1)) == NewEvents(added.id, 1, 0, NOON)


async def test_every_query_is_answered_along_an_index(store: Store, stored: StoredDeliveries) -> None:
    """MongoDB reads no more documents than it returns, although there are many others."""
    await stored.record("other", [NewEvents(f"other_{number}", 1, 0, NOON) for number in range(50)])
    await stored.record("acme", [NewEvents(ID, 1, 0, NOON)])
    database = store.database
    await database.command("profile", 2)

    await stored.newest("acme", list(DeliveryState), 5)
    await stored.failed_since("acme", NOON, 5)
    await stored.oldest_waiting_seconds(["acme"])
    await stored.claimed("acme", 5)
    await database.command("profile", 0)

    finds = await database["system.profile"].find({"command.find": DELIVERIES}).to_list(None)
    assert len(finds) == 4
    assert [(find["docsExamined"], find.get("hasSortStage", False)) for find in finds] == [(1, False), (0, False), (1, False), (0, False)]
