"""What MongoDB's silence becomes, and what the driver hands over."""

from datetime import UTC

import pytest
from pymongo.errors import OperationFailure, WriteError

from domain.errors import Unavailable
from domain.filter import Filter, Order
from store.driver import answering, close, connect, database, fetch, in_thread, ping, plainly
from store.pages import PageRequest
from store.verifications import Store
from tests.factories import a_verification
from tests.histories import noted
from tests.storing import DATA_KEYS, encode


async def test_an_operation_that_takes_too_long_is_given_up(database_uri: str, store: Store) -> None:
    await store.within("acme").add(a_verification())
    impatient = connect(database_uri, timeout_seconds=0.3)

    with pytest.raises(Unavailable), answering():
        await database(impatient)["verifications"].find_one({"$where": "sleep(5000) || true"})

    close(impatient)


async def test_a_read_of_many_that_takes_too_long_is_given_up(database_uri: str, store: Store) -> None:
    await store.within("acme").add(a_verification())
    impatient = connect(database_uri, timeout_seconds=0.3)
    collection = database(impatient)["verifications"]

    with pytest.raises(Unavailable), answering():
        await in_thread(lambda: fetch(plainly(collection), {"$where": "sleep(5000) || true"}))

    close(impatient)


async def test_more_than_a_batch_is_read_in_one_go(store: Store) -> None:
    crowd = [encode(a_verification()) for _ in range(300)]
    await store.collection.insert_many(crowd)

    documents = await in_thread(lambda: fetch(store.plain, {}, {"_id": 1}, sort=[("_id", 1)]))

    assert documents == [{"_id": document["_id"]} for document in crowd]


async def test_who_has_ended_takes_nothing_from_others_of_the_same_database(database_uri: str, store: Store) -> None:
    await store.within("acme").add(a_verification())
    ended = connect(database_uri, timeout_seconds=5)
    everything = PageRequest(Order.CREATED_NEWEST, 10)
    page = await Store(ended, DATA_KEYS).within("acme").page(Filter(), everything)

    close(ended)

    assert (await store.within("acme").page(Filter(), everything)).rows == page.rows


@pytest.mark.parametrize("code", [50, 91, 189, 11600, 11602, 10107])
def test_a_write_that_ran_out_of_time_or_lost_its_primary_is_taken_for_silence(code: int) -> None:
    with pytest.raises(Unavailable), answering():
        raise WriteError("not now", code)


async def test_what_mongodb_refuses_is_not_taken_for_silence(store: Store) -> None:
    with pytest.raises(OperationFailure), answering():
        await store.collection.find_one({"$unheard": 1})


async def test_instants_are_in_utc_by_identity(store: Store) -> None:
    added = await store.within("acme").add(noted(a_verification(), "event-1"))

    read = await store.within("acme").require(added.id)

    assert read.created_at.tzinfo is UTC
    assert read.events[-1].at.tzinfo is UTC
    assert (await ping(store.database)).tzinfo is UTC


async def test_a_database_that_the_address_does_not_name_is_called_gateway(mongo_uri: str) -> None:
    client = connect(mongo_uri.replace("/gateway?", "/?"), timeout_seconds=30)

    assert database(client).name == "gateway"

    close(client)
