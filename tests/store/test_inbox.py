"""Tests of the stored inbox, against a real MongoDB."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.errors import Unavailable
from domain.status import Status
from domain.webhook import ReceivedWebhook, WebhookState
from store.driver import close_client, connect
from store.inbox import CLAIM, entry_id
from store.indexes import HEARTBEATS, INBOX, INBOX_DAYS
from store.verifications import Store
from tests.clock import Clock
from tests.factories import NOON, later
from tests.storing import DATA_KEYS, GENEROUS_SECONDS

UNREACHABLE = "mongodb://127.0.0.1:1/gateway?replicaSet=none"


def a_webhook(event_id: str = "event-1", workspace: str = "acme", **changed: object) -> ReceivedWebhook:
    """A webhook that announces an outcome."""
    webhook = ReceivedWebhook(
        entry_id(workspace, event_id), workspace, event_id, "done", "yousign", "video-1", Status.FAILED, ("IDVV_2101",), True, NOON
    )
    return replace(webhook, **changed)  # type: ignore[arg-type]


async def test_an_entry_is_read_as_it_was_written(store: Store) -> None:
    added = await store.inbox.add(a_webhook(), 5)

    assert added == a_webhook(next=NOON + CLAIM)
    assert await store.inbox.get("acme/event-1") == added


async def test_an_entry_without_an_outcome_needs_nothing(store: Store) -> None:
    ignored = a_webhook(provider_id=None, status=None, codes=(), state=WebhookState.IGNORED)

    assert await store.inbox.add(ignored, 5) == ignored
    assert await store.inbox.get(ignored.id) == ignored
    assert [*(await store.database[INBOX].find_one({}) or {})].count("next") == 0


async def test_the_same_event_is_recorded_once_in_each_workspace(store: Store) -> None:
    assert await store.inbox.add(a_webhook(), 5)
    assert await store.inbox.add(a_webhook(workspace="other"), 5)

    assert await store.inbox.add(a_webhook(status=Status.VERIFIED), 5) is None

    assert [entry.status for entry in await store.inbox.newest(None, list(WebhookState), 10)] == [Status.FAILED] * 2


async def test_a_repeated_event_is_acknowledged_once_a_majority_has_the_first_copy(store: Store) -> None:
    await store.inbox.add(a_webhook(), 5)
    before = await store.database[HEARTBEATS].count_documents({})

    await store.inbox.add(a_webhook(), 5)

    # `add` has passed the barrier, which writes to the collection of heartbeats. So a majority has acknowledged all earlier writes too.
    assert (before, await store.database[HEARTBEATS].count_documents({})) == (0, 1)


async def test_an_entry_is_claimed_by_one_process_once_its_lease_has_ended(store: Store, clock: Clock) -> None:
    await store.inbox.add(a_webhook(), 5)
    before = await store.inbox.due(10), await store.inbox.claimed("acme/event-1")

    clock.now = NOON + CLAIM
    [due] = await store.inbox.due(10)
    claimed = await store.inbox.claimed(due.id)

    assert before == ([], None)
    assert claimed == a_webhook(tries=2, next=NOON + 2 * CLAIM)
    assert (await store.inbox.claimed(due.id), await store.inbox.due(10)) == (None, [])


async def test_what_a_process_settles_after_it_lost_its_lease_is_dropped(store: Store, clock: Clock) -> None:
    slow = await store.inbox.add(a_webhook(), 5)
    assert slow
    clock.now = NOON + CLAIM
    fast = await store.inbox.claimed(slow.id)
    assert fast

    await store.inbox.settle(slow, replace(slow, state=WebhookState.UNMATCHED))
    await store.inbox.settle(fast, replace(fast, state=WebhookState.APPLIED, next=None, verification_id="ver_1"))
    await store.inbox.settle(slow, replace(slow, state=WebhookState.UNMATCHED))

    assert await store.inbox.get(slow.id) == a_webhook(tries=2, state=WebhookState.APPLIED, verification_id="ver_1")


async def test_batches_of_due_entries_follow_each_other(store: Store, clock: Clock) -> None:
    for number in range(5):
        await store.inbox.add(a_webhook(f"event-{number}", received_at=later(seconds=number // 2)), 5)
    clock.now = later(days=1)

    first = await store.inbox.due(3)
    second = await store.inbox.due(3, first[-1])

    assert [due.id for due in [*first, *second]] == [f"acme/event-{number}" for number in range(5)]
    assert await store.inbox.due(3, second[-1]) == []


async def test_entries_are_listed_by_workspace_and_state_the_newest_first(store: Store) -> None:
    for number in range(4):
        await store.inbox.add(a_webhook(f"event-{number}", received_at=later(seconds=number)), 5)
    await store.inbox.add(a_webhook("event-5", "other"), 5)
    first = await store.inbox.get("acme/event-0")
    assert first
    await store.inbox.settle(first, replace(first, state=WebhookState.UNMATCHED))

    assert [entry.event_id for entry in await store.inbox.newest("acme", [WebhookState.WAITING], 2)] == ["event-3", "event-2"]
    assert [entry.id for entry in await store.inbox.newest(None, [WebhookState.UNMATCHED], 10)] == ["acme/event-0"]
    assert len(await store.inbox.newest(None, list(WebhookState), 10)) == 5


async def test_the_age_of_the_oldest_waiting_entry_is_measured(store: Store, clock: Clock) -> None:
    assert await store.inbox.oldest_waiting_seconds() == 0
    await store.inbox.add(a_webhook("event-1", state=WebhookState.IGNORED), 5)
    await store.inbox.add(a_webhook("event-2", received_at=later(seconds=10)), 5)
    await store.inbox.add(a_webhook("event-3", received_at=later(seconds=20)), 5)
    clock.now = later(seconds=70)

    assert await store.inbox.oldest_waiting_seconds() == 60


async def test_entries_are_deleted_after_their_time(store: Store) -> None:
    indexes = await store.database[INBOX].index_information()

    assert indexes["receivedAt_1"]["expireAfterSeconds"] == timedelta(days=INBOX_DAYS).total_seconds()


async def test_a_state_of_a_newer_release_reads_as_failed(store: Store) -> None:
    await store.inbox.add(a_webhook(), 5)
    await store.database[INBOX].update_one({}, {"$set": {"state": "postponed", "status": "suspended"}})

    entry = await store.inbox.get("acme/event-1")

    assert entry
    assert (entry.state, entry.status) == (WebhookState.FAILED, None)


async def test_without_mongodb_recording_ends_in_time(clock: Clock) -> None:
    client = connect(UNREACHABLE, 30)
    try:
        with pytest.raises(Unavailable):
            await Store(client, DATA_KEYS, clock).inbox.add(a_webhook(), 0.2)
    finally:
        close_client(client)


async def test_the_waiting_entries_are_counted(store: Store) -> None:
    await store.inbox.add(a_webhook("event-1"), GENEROUS_SECONDS)
    await store.inbox.add(a_webhook("event-2"), GENEROUS_SECONDS)
    before = await store.inbox.count_waiting()

    await store.inbox.add(a_webhook("event-3", state=WebhookState.IGNORED), GENEROUS_SECONDS)

    assert (before, await store.inbox.count_waiting()) == (2, 2)
