"""Tests the delivery of events to a real receiver, with a real MongoDB."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from random import Random

import pytest

from domain.delivery import RETRY_MINUTES, DeliveryState, WebhookDelivery
from domain.errors import InvalidInput, NotFound
from domain.event import Actor, Progress
from domain.verification import Verification
from lifecycle import deliveries
from lifecycle.deliveries import OutgoingWebhooks
from providers.backend import opened_backend
from providers.file import Deliveries
from store.feed import Feed
from store.indexes import DELIVERIES, DELIVERY_POSITIONS
from store.queues.deliveries import SENDING_LEASE, NewEvents, StoredDeliveries
from store.verifications import Store, utc_now
from tests.clock import Clock
from tests.factories import NOON, VERIFIED_RESULT, WINDOWS, a_verification
from tests.fakes.receiver import ACCEPTED, CUT, REFUSED, Answer, Receiver, receiving
from tests.storing import until


@dataclass
class Tries:
    """Records the outcome of each try, and whether it was the first, second … try of its event."""

    counted: list[tuple[str, int]] = field(default_factory=list)

    def count(self, outcome: str, attempt: int) -> None:
        """Record a try. `attempt`: 1 for the first try of an event, 2 for its second try."""
        self.counted.append((outcome, attempt))


@asynccontextmanager
async def delivering(store: Store, feed: Feed, receivers: Mapping[str, Receiver], tries: Tries | None = None) -> AsyncIterator[OutgoingWebhooks]:
    """A context in which a process delivers the events of each workspace to its receiver. It begins when each workspace has a position."""
    sections = {workspace: receiver.section for workspace, receiver in receivers.items()}
    async with delivering_to(store, feed, lambda: sections, tries or Tries()) as outgoing:
        positions = store.database[DELIVERY_POSITIONS]
        while await positions.count_documents({"_id": {"$in": [*sections]}}) < len(sections):
            await asyncio.sleep(0.01)
        yield outgoing


@asynccontextmanager
async def delivering_to(store: Store, feed: Feed, sections: Callable[[], Mapping[str, Deliveries]], tries: Tries) -> AsyncIterator[OutgoingWebhooks]:
    """A context in which a process delivers events to backends. `sections` returns the current section of each workspace."""
    outgoing = OutgoingWebhooks(store, feed, sections, tries.count)
    async with opened_backend() as backend:
        running = asyncio.create_task(outgoing.run(backend.send))
        try:
            yield outgoing
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


async def stored(store: Store, id: str) -> WebhookDelivery:
    """The stored delivery of a verification."""
    found = await StoredDeliveries(store).get(id)
    assert found
    return found


async def reaches(store: Store, id: str, condition: Callable[[WebhookDelivery], bool]) -> WebhookDelivery:
    """Wait until the stored delivery of a verification meets the condition, and return it. The test fails if that takes too long."""
    async with asyncio.timeout(30):
        while not ((found := await StoredDeliveries(store).get(id)) and condition(found)):
            await asyncio.sleep(0.02)
    return found


def progressed(step: Progress, old: Verification, now: datetime) -> Verification:
    """The verification after a step."""
    return old.progressed(step, WINDOWS, now)


def tried(times: int) -> Callable[[WebhookDelivery], bool]:
    """A condition for `reaches`: the next event was sent this many times without success."""
    return lambda found: found.tries == times


async def with_events(store: Store, *, workspace: str = "acme") -> Verification:
    """Store a verification, and change it three times: four events."""
    clock = store.now
    verifications = store.within(workspace)
    created = await verifications.add(a_verification(workspace=workspace, at=clock()))
    for step in (Progress.LINK_OPENED, Progress.CAPTURE_COMPLETED):
        await verifications.change(created.id, partial(progressed, step))
    return await verifications.change(created.id, lambda old, now: old.concluded(VERIFIED_RESULT, now))


@pytest.fixture
def clock() -> Clock:
    """A clock that is a minute ahead of MongoDB's clock. So all events by this clock are later than the time at which the deliveries begin."""
    return Clock(utc_now() + timedelta(minutes=1))


async def test_every_event_is_delivered_in_order(store: Store, feed: Feed) -> None:
    tries = Tries()
    async with receiving() as receiver, delivering(store, feed, {"acme": receiver}, tries):
        verification = await with_events(store)
        await receiver.has(verification.id, 1, 2, 3, 4)
        delivery = await reaches(store, verification.id, lambda found: found.state is DeliveryState.DELIVERED)

    bodies = [request.body for request in receiver.requests]
    assert [body["type"] for body in bodies] == [
        "verification.created",
        "verification.link_opened",
        "verification.capture_completed",
        "verification.status_changed",
    ]
    assert [(body["data"]["status"], body["data"]["phase"]) for body in bodies] == [
        ("PENDING", "AWAITING_INDIVIDUAL"),
        ("PENDING", "IN_SESSION"),
        ("PENDING", "PROCESSING"),
        ("VERIFIED", "DONE"),
    ]
    assert [request.id for request in receiver.requests] == [f"{verification.id}.{version}" for version in (1, 2, 3, 4)]
    assert (delivery.delivered_version, delivery.version, delivery.tries, delivery.last_status) == (4, 4, 0, 204)
    assert delivery.next_try_at is None
    assert tries.counted == [("delivered", 1)] * 4


async def test_a_process_that_drains_finishes_its_try_and_begins_no_other(store: Store, feed: Feed) -> None:
    leaving: list[asyncio.Task[None]] = []

    def answer(number: int, body: dict[str, object]) -> Answer:
        # The process begins to drain while it waits for the answer to its first try.
        if not leaving:
            leaving.append(asyncio.create_task(outgoing.leave()))
        return Answer(delay_seconds=0.2)

    async with receiving(answer) as receiver, delivering(store, feed, {"acme": receiver}) as outgoing:
        verification = await with_events(store)
        await until(lambda: bool(leaving))
        await leaving[0]
        left = await stored(store, verification.id)
        other = await with_events(store)
        await reaches(store, other.id, lambda found: found.version == 4)
        sent = len(receiver.requests)

        async with delivering(store, feed, {"acme": receiver}):
            await receiver.has(verification.id, 1, 2, 3, 4)
            await receiver.has(other.id, 1, 2, 3, 4)

    assert (left.delivered_version, sent) == (1, 1)


async def test_an_event_that_fails_is_sent_again_and_later_ones_wait(store: Store, feed: Feed, clock: Clock) -> None:
    def answer(number: int, body: dict[str, object]) -> Answer:
        return REFUSED if number == 2 else ACCEPTED

    async with receiving(answer) as receiver, delivering(store, feed, {"acme": receiver}):
        verification = await with_events(store)
        failed = await reaches(store, verification.id, lambda found: found.tries == 1)
        began = clock.now
        assert (failed.state, failed.delivered_version, failed.last_status) == (DeliveryState.WAITING, 1, 500)
        assert failed.last_error == "the response is not a success"
        assert failed.next_try_at == began.replace(microsecond=began.microsecond // 1000 * 1000) + timedelta(minutes=2)

        clock.now = began + timedelta(minutes=2, seconds=1)
        await receiver.has(verification.id, 1, 2, 3, 4)

    assert receiver.versions(verification.id, accepted=False) == [1, 2, 2, 3, 4]
    assert len({request.id for request in receiver.requests}) == 4


async def test_an_event_is_given_up_after_the_last_try_and_later_ones_are_delivered(store: Store, feed: Feed, clock: Clock) -> None:
    began, tries = clock.now, Tries()

    def answer(number: int, body: dict[str, object]) -> Answer:
        return REFUSED if body["data"]["version"] == 2 else ACCEPTED  # type: ignore[index]

    async with receiving(answer) as receiver, delivering(store, feed, {"acme": receiver}, tries):
        verification = await with_events(store)
        for number, minutes in enumerate(RETRY_MINUTES, 1):
            waiting = await reaches(store, verification.id, tried(number))
            assert waiting.next_try_at
            assert abs(waiting.next_try_at - began - timedelta(minutes=minutes)) < timedelta(seconds=1)
            clock.now = waiting.next_try_at
        delivery = await reaches(store, verification.id, lambda found: found.state is DeliveryState.FAILED)

    assert receiver.versions(verification.id, accepted=False) == [1, *[2] * 9, 3, 4]
    assert (delivery.failed_versions, delivery.delivered_version, delivery.next_try_at) == ((2,), 4, None)
    assert tries.counted == [("delivered", 1), *[("failed", number) for number in range(1, 9)], ("given up", 9), ("delivered", 1), ("delivered", 1)]


async def test_a_backend_that_fails_one_time_in_three_receives_every_event_in_order(store: Store, feed: Feed, clock: Clock) -> None:
    chance = Random(14)
    async with receiving(lambda number, body: chance.choice((ACCEPTED, ACCEPTED, REFUSED))) as receiver, delivering(store, feed, {"acme": receiver}):
        verifications = [await with_events(store) for _ in range(20)]
        async with asyncio.timeout(60):
            while any(receiver.versions(verification.id) != [1, 2, 3, 4] for verification in verifications):
                await asyncio.sleep(0.1)
                clock.now += timedelta(minutes=1)

    assert any(not request.accepted for request in receiver.requests)


async def test_resending_begins_with_the_first_event_that_was_not_accepted(store: Store, feed: Feed, clock: Clock) -> None:
    refused = [True]

    def answer(number: int, body: dict[str, object]) -> Answer:
        return REFUSED if refused[0] and body["data"]["version"] == 2 else ACCEPTED  # type: ignore[index]

    async with receiving(answer) as receiver, delivering(store, feed, {"acme": receiver}) as outgoing:
        verification = await with_events(store)
        for number in range(1, len(RETRY_MINUTES) + 1):
            waiting = await reaches(store, verification.id, tried(number))
            assert waiting.next_try_at
            clock.now = waiting.next_try_at
        await reaches(store, verification.id, lambda found: found.state is DeliveryState.FAILED)

        refused[0] = False
        await outgoing.resend("acme", verification.id)
        delivery = await reaches(store, verification.id, lambda found: found.state is DeliveryState.DELIVERED)
        assert receiver.versions(verification.id) == [1, 3, 4, 2, 3, 4]
        assert delivery.failed_versions == ()

        await outgoing.resend("acme", verification.id)
        await outgoing.resend("acme", verification.id, from_version=4)
        await receiver.has(verification.id, 1, 3, 4, 2, 3, 4, 4)


async def test_what_cannot_be_sent_again_keeps_nothing_else_from_being_sent(store: Store, feed: Feed, clock: Clock) -> None:
    stored, outgoing = StoredDeliveries(store), OutgoingWebhooks(store, feed, dict, Tries().count)
    damaged, restored, removed, ordinary = [await with_events(store) for _ in range(4)]
    for verification in (damaged, restored, removed, ordinary):
        await stored.record("acme", [NewEvents(verification.id, 4, 3, NOON)])
        [claim] = await stored.claimed("acme", 8)
        await stored.settled(claim, None, "no response")
        clock.now += timedelta(seconds=1)
    await store.collection.update_one({"_id": damaged.id}, {"$unset": {"status": ""}})
    await store.collection.update_one({"_id": restored.id}, {"$set": {"version": 3}, "$pop": {"events": 1}})
    await store.collection.delete_one({"_id": removed.id})

    async with asyncio.timeout(10):
        resent = await outgoing.resend_failed(None, NOON - timedelta(days=1))

    assert resent == [ordinary.id]
    assert [found.verification_id for found in await stored.failed_since("acme", NOON - timedelta(days=1), 9)] == [damaged.id, restored.id]


async def test_resending_an_unknown_verification_or_version_is_refused(store: Store, feed: Feed) -> None:
    outgoing = OutgoingWebhooks(store, feed, dict, Tries().count)
    verification = await with_events(store)

    for version in (0, 5):
        with pytest.raises(InvalidInput, match="fromVersion"):
            await outgoing.resend("acme", verification.id, version)
    with pytest.raises(NotFound):
        await outgoing.resend("other", verification.id)


async def test_a_slow_backend_delays_no_other_one_and_has_at_most_eight_at_a_time(store: Store, feed: Feed) -> None:
    slow = Answer(delay_seconds=60)
    async with (
        receiving(lambda number, body: slow) as stuck,
        receiving() as fast,
        delivering(store, feed, {"slow": stuck, "acme": fast}),
    ):
        for _ in range(12):
            await with_events(store, workspace="slow")
        await until(lambda: stuck.at_once == deliveries.MAX_CONCURRENT_TRIES)
        others = [await with_events(store) for _ in range(3)]
        for verification in others:
            await fast.has(verification.id, 1, 2, 3, 4)

        assert stuck.max_at_once == stuck.at_once == len(stuck.requests) == deliveries.MAX_CONCURRENT_TRIES


async def test_two_processes_share_the_work(store: Store, feed: Feed) -> None:
    first, second = Tries(), Tries()
    brief = Answer(delay_seconds=0.2)
    async with (
        receiving(lambda number, body: brief) as receiver,
        delivering(store, feed, {"acme": receiver}, first),
        delivering(store, feed, {"acme": receiver}, second),
    ):
        verifications = [await with_events(store) for _ in range(24)]
        for verification in verifications:
            await receiver.has(verification.id, 1, 2, 3, 4)

    assert len(first.counted) + len(second.counted) == 24 * 4
    assert min(len(first.counted), len(second.counted)) > 0


async def test_a_claim_of_a_process_that_ended_is_taken_over(store: Store, feed: Feed, clock: Clock) -> None:
    async with receiving() as receiver, delivering(store, feed, {"acme": receiver}):
        verification = await with_events(store)
        await receiver.has(verification.id, 1, 2, 3, 4)
        await store.database[DELIVERIES].update_one(
            {"_id": verification.id}, {"$set": {"settled": 2, "lease": "of another process", "due": clock.now + SENDING_LEASE, "state": "waiting"}}
        )
        await asyncio.sleep(2)
        assert receiver.versions(verification.id) == [1, 2, 3, 4]

        clock.now += SENDING_LEASE
        await receiver.has(verification.id, 1, 2, 3, 4, 3, 4)


async def test_a_removed_verification_is_skipped_and_an_anonymized_one_is_delivered(store: Store, feed: Feed, clock: Clock) -> None:
    async with receiving(lambda number, body: CUT) as receiver, delivering(store, feed, {"acme": receiver}):
        verifications = store.within("acme")
        removed, anonymized = await with_events(store), await with_events(store)
        for verification in (removed, anonymized):
            await reaches(store, verification.id, lambda found: found.tries == 1)
        await verifications.remove(removed)
        await verifications.change(anonymized.id, lambda old, now: old.anonymized(Actor.INTEGRATOR, now))
        await reaches(store, anonymized.id, lambda found: found.version == 5)

        receiver.answer = lambda number, body: ACCEPTED
        clock.now += timedelta(minutes=3)
        await receiver.has(anonymized.id, 1, 2, 3, 4, 5)
        async with asyncio.timeout(30):
            while await StoredDeliveries(store).get(removed.id):
                await asyncio.sleep(0.02)

    assert receiver.versions(removed.id) == []
    assert receiver.requests[-1].body["type"] == "verification.anonymized"


async def test_an_event_that_this_release_cannot_represent_is_tried_again(store: Store, feed: Feed) -> None:
    async with receiving() as receiver, delivering(store, feed, {"acme": receiver}):
        verification = await with_events(store)
        await receiver.has(verification.id, 1, 2, 3, 4)
        await store.collection.update_one({"_id": verification.id}, [{"$set": {"version": 5, "events": {"$concatArrays": ["$events", [{}]]}}}])
        delivery = await reaches(store, verification.id, lambda found: found.tries == 1)

    assert delivery.last_error == "this release of the gateway can't read the event"
    assert delivery.state is DeliveryState.WAITING


async def test_workspaces_may_come_and_go(store: Store, feed: Feed) -> None:
    sections: dict[str, Deliveries] = {}
    async with receiving() as receiver, delivering_to(store, feed, lambda: sections, Tries()):
        before = await store.within("acme").add(a_verification(at=utc_now() - timedelta(minutes=1)))
        # The deliveries of a workspace begin at the time of the last heartbeat, rounded down to seconds. Wait until that time is later than the event
        # above, which must not be delivered.
        await asyncio.sleep(2.5)
        sections["acme"] = receiver.section
        positions = store.database[DELIVERY_POSITIONS]
        async with asyncio.timeout(30):
            while not await positions.count_documents({"_id": "acme"}):
                await asyncio.sleep(0.02)
        during = await with_events(store)
        await receiver.has(during.id, 1, 2, 3, 4)

        del sections["acme"]
        await asyncio.sleep(2.5)
        meanwhile = await store.within("acme").add(a_verification(at=utc_now()))
        await asyncio.sleep(1)
        assert receiver.versions(meanwhile.id) == []

        sections["acme"] = receiver.section
        await receiver.has(meanwhile.id, 1)

    assert receiver.versions(before.id) == []
