"""Tests of the driver: time-outs and failures of MongoDB become errors of the domain, and instants are read in UTC."""

from datetime import UTC

import pytest
from pymongo.errors import ConnectionFailure, OperationFailure, WriteError
from pymongo.hello import Hello
from pymongo.server_description import ServerDescription
from pymongo.server_selectors import writable_server_selector
from pymongo.synchronous.settings import TopologySettings
from pymongo.topology_description import TOPOLOGY_TYPE, TopologyDescription

from domain.errors import Unavailable
from domain.filter import Filter, Order
from store.driver import (
    answering,
    close_client,
    connect,
    database,
    driver_fault,
    fault_text,
    fetch,
    in_thread,
    one_router,
    patient,
    ping,
    requiring_hint,
    with_naive_instants,
)
from store.pages import PageRequest
from store.verifications import Store
from tests.commands import Commands
from tests.factories import a_verification
from tests.histories import noted
from tests.storing import DATA_KEYS, encode


async def test_a_slow_operation_times_out(database_uri: str, store: Store) -> None:
    await store.within("acme").add(a_verification())
    impatient = connect(database_uri, timeout_seconds=0.3)

    with pytest.raises(Unavailable), answering():
        await database(impatient)["verifications"].find_one({"$where": "sleep(5000) || true"})

    close_client(impatient)


async def test_a_patient_operation_may_take_longer_than_the_time_out_of_the_client(database_uri: str, store: Store) -> None:
    verification = await store.within("acme").add(a_verification())
    impatient = connect(database_uri, timeout_seconds=0.3)

    with answering(), patient(60):
        found = await database(impatient)["verifications"].find_one({"$where": "sleep(1000) || true"})

    assert found
    assert found["_id"] == verification.id
    close_client(impatient)


async def test_a_query_with_the_hint_of_a_missing_index_is_unavailable(store: Store) -> None:
    with pytest.raises(Unavailable), answering(), requiring_hint():
        await store.collection.find_one({}, hint="missing_1")


async def test_another_refusal_of_a_query_with_a_hint_is_not_reported_as_unavailable(store: Store) -> None:
    await store.within("acme").add(a_verification())

    with pytest.raises(OperationFailure), answering(), requiring_hint():
        await store.collection.aggregate([{"$project": {"number": {"$toInt": "$_id"}}}], hint="_id_").to_list(None)


async def test_a_slow_read_of_many_documents_times_out(database_uri: str, store: Store) -> None:
    await store.within("acme").add(a_verification())
    impatient = connect(database_uri, timeout_seconds=0.3)
    collection = database(impatient)["verifications"]

    with pytest.raises(Unavailable), answering():
        await in_thread(lambda: fetch(with_naive_instants(collection), {"$where": "sleep(5000) || true"}))

    close_client(impatient)


async def test_all_documents_are_read_even_if_they_exceed_one_batch(store: Store) -> None:
    crowd = [encode(a_verification()) for _ in range(300)]
    await store.collection.insert_many(crowd)

    documents = await in_thread(lambda: fetch(store.naive_collection, {}, {"_id": 1}, sort=[("_id", 1)]))

    assert documents == [{"_id": document["_id"]} for document in crowd]


async def test_closing_a_client_does_not_affect_other_clients(database_uri: str, store: Store) -> None:
    await store.within("acme").add(a_verification())
    ended = connect(database_uri, timeout_seconds=5)
    everything = PageRequest(Order.CREATED_NEWEST, 10)
    page = await Store(ended, DATA_KEYS).within("acme").page(Filter(), everything)

    close_client(ended)

    assert (await store.within("acme").page(Filter(), everything)).rows == page.rows


@pytest.mark.parametrize("code", [50, 91, 189, 11600, 11602, 10107])
def test_a_write_that_timed_out_or_lost_its_primary_is_unavailable(code: int) -> None:
    with pytest.raises(Unavailable), answering():
        raise WriteError("not now", code)


async def test_a_refused_operation_is_not_reported_as_unavailable(store: Store) -> None:
    with pytest.raises(OperationFailure), answering():
        await store.collection.find_one({"$unheard": 1})


async def test_the_time_zone_of_every_instant_is_the_utc_object_itself(store: Store) -> None:
    added = await store.within("acme").add(noted(a_verification(), "event-1"))

    read = await store.within("acme").require(added.id)

    assert read.created_at.tzinfo is UTC
    assert read.events[-1].at.tzinfo is UTC
    assert (await ping(store.database)).tzinfo is UTC


async def test_the_default_database_is_called_gateway(mongo_uri: str) -> None:
    client = connect(mongo_uri.replace("/gateway?", "/?"), timeout_seconds=30)

    assert database(client).name == "gateway"

    close_client(client)


async def test_the_error_of_the_driver_behind_an_error_is_described_without_its_message(store: Store) -> None:
    with pytest.raises(OperationFailure) as refused:
        await store.collection.find_one({"$unheard": 1})
    with pytest.raises(Unavailable) as unavailable, answering():
        raise WriteError("secret", 189)

    assert driver_fault(refused.value) == {"driver_error": "OperationFailure", "driver_code": refused.value.code}
    assert driver_fault(unavailable.value) == {"driver_error": "WriteError", "driver_code": 189}
    assert driver_fault(ValueError("secret")) == driver_fault(None) == {}
    assert fault_text(unavailable.value) == "Unavailable, code 189"
    assert fault_text(ConnectionFailure("secret")) == "ConnectionFailure"


async def test_commands_of_a_store_carry_its_comment(database_uri: str, store: Store) -> None:
    commands = Commands()
    client = connect(database_uri, 30, [commands])
    commented = Store(client, store.keys, comment_of=lambda: "a comment")
    await commented.index_repair.round()

    with commands.sent(store.database.name) as sent:
        added = await commented.within("acme").add(a_verification())
        await commented.within("acme").get(added.id)
        await commented.within("acme").page(Filter(), PageRequest(Order.CREATED_NEWEST, 5))
        await commented.within("acme").count(Filter())
    close_client(client)

    assert len({next(iter(command)) for command in sent}) >= 3
    assert [command for command in sent if command.get("comment") != "a comment" and "getMore" not in command] == []


def a_sharded_cluster(*ports: int) -> TopologyDescription:
    """What the driver knows of a sharded cluster with a router on each of these ports. Source of the response: MongoDB's manual, "hello"."""
    hello = Hello({"ok": 1, "isWritablePrimary": True, "msg": "isdbgrid", "maxWireVersion": 21, "minWireVersion": 0})
    routers: dict[tuple[str, int | None], ServerDescription] = {
        ("router", port): ServerDescription(("router", port), hello, round_trip_time=0.001) for port in ports
    }
    return TopologyDescription(TOPOLOGY_TYPE.Sharded, routers, None, None, None, TopologySettings())


def test_all_commands_of_a_change_stream_go_to_one_router() -> None:
    three = a_sharded_cluster(1, 2, 3)

    [chosen] = three.apply_selector(writable_server_selector, None, one_router)

    assert len(three.apply_selector(writable_server_selector)) == 3
    assert all(three.apply_selector(writable_server_selector, None, one_router) == [chosen] for _ in range(10))


def test_another_router_is_used_when_that_of_the_change_stream_is_gone() -> None:
    [chosen] = a_sharded_cluster(1, 2).apply_selector(writable_server_selector, None, one_router)
    [left] = {1, 2} - {chosen.address[1]}

    [other] = a_sharded_cluster(left or 0).apply_selector(writable_server_selector, None, one_router)

    assert other.address == ("router", left)


def test_no_router_is_chosen_while_none_answers() -> None:
    assert one_router([]) == []
