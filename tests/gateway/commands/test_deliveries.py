"""Tests `gateway deliveries`: it lists and shows deliveries, and sends events again."""

import pytest

from domain.delivery import DeliveryState
from gateway.commands import deliveries
from gateway.commands.deliveries import DeliveryError
from gateway.settings import Settings
from store.queues.deliveries import NewEvents, StoredDeliveries
from store.verifications import Store
from tests.factories import FAILED_RESULT, NOON, a_verification
from tests.serving import settings_for_tests


@pytest.fixture
def settings(database_uri: str) -> Settings:
    """The settings of a gateway with the database of the test."""
    return settings_for_tests(database_uri, 8000)


async def a_failed_delivery(store: Store) -> str:
    """Store a verification. The gateway has given up the delivery of its first event, and has delivered its second one. Returns its id."""
    verification = await store.within("acme").add(a_verification().concluded(FAILED_RESULT, NOON))
    stored = StoredDeliveries(store)
    await stored.record("acme", [NewEvents(verification.id, 2, 0, NOON)])
    [claim] = await stored.claimed("acme", 8)
    following = await stored.settled(claim, 500, "the response is not a success")
    assert following
    await stored.settled(following, 204)
    return verification.id


async def test_deliveries_are_listed(store: Store, settings: Settings) -> None:
    id = await a_failed_delivery(store)

    assert await deliveries.list_deliveries(settings, None, [], 10) == [f"{id}\tacme\tfailed\t2/2\t-\t-"]
    assert await deliveries.list_deliveries(settings, "other", [], 10) == []
    assert await deliveries.list_deliveries(settings, "acme", [DeliveryState.WAITING], 10) == []


async def test_a_delivery_is_shown(store: Store, settings: Settings) -> None:
    lines = await deliveries.show_delivery(settings, await a_failed_delivery(store))

    assert "events that were given up: 1" in lines
    assert "next try: -" in lines
    with pytest.raises(DeliveryError, match="has no delivery"):
        await deliveries.show_delivery(settings, "ver_unknown")


async def test_one_verification_is_sent_again(store: Store, settings: Settings) -> None:
    id = await a_failed_delivery(store)

    [line] = await deliveries.resend_one(settings, id, None, None)

    assert line.split("\t")[2] == "waiting"
    assert (found := await StoredDeliveries(store).get(id))
    assert found.settled == 0
    with pytest.raises(DeliveryError, match="fromVersion"):
        await deliveries.resend_one(settings, id, None, 9)
    with pytest.raises(DeliveryError, match="has no delivery"):
        await deliveries.resend_one(settings, "ver_unknown", None, None)


async def test_a_verification_without_a_delivery_is_sent_from_its_first_event(store: Store, settings: Settings) -> None:
    verification = await store.within("acme").add(a_verification())

    [line] = await deliveries.resend_one(settings, verification.id, "acme", None)

    assert line.split("\t")[:4] == [verification.id, "acme", "waiting", "0/1"]


async def test_all_that_was_given_up_is_sent_again(store: Store, settings: Settings) -> None:
    ids = [await a_failed_delivery(store) for _ in range(3)]
    removed = await a_failed_delivery(store)
    await store.collection.delete_one({"_id": removed})

    assert sorted(await deliveries.resend_all_failed(settings, NOON, None)) == sorted(ids)
    assert await deliveries.resend_all_failed(settings, NOON, None) == []
    assert await StoredDeliveries(store).get(removed) is None
