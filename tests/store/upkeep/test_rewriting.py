"""Tests that a verification can be rewritten while gateways serve: no change is lost, and subscribers receive nothing."""

import asyncio

import pytest

from store.driver import Document
from store.feed import Feed
from store.stored_verification import REWRITES
from store.upkeep.rewriting import Rewrite, Rewriting, rewrite_all, written
from store.verifications import Stale, Store, Verifications
from tests.factories import a_verification
from tests.histories import noted
from tests.storing import next_change, stored_documents

OUTDATED: Document = {"mark": {"$exists": False}}
MARKING = Rewriting("mark", "one", OUTDATED, {}, lambda document: Rewrite({"mark": 1}))


async def marked(store: Store) -> list[object]:
    """The values of the field `mark` in the documents of all verifications. None: the document has no such field."""
    return [document.get("mark") for document in await stored_documents(store)]


async def mark_all(store: Store) -> None:
    """Rewrite all verifications: set the field `mark` of their documents."""
    await rewrite_all(store.database, MARKING, store.now, lambda state: None, pause_seconds=0)


async def test_a_rewrite_changes_neither_version_nor_events_nor_the_order_of_changes(store: Store, verifications: Verifications) -> None:
    await verifications.add(a_verification())
    [before] = await stored_documents(store)

    await mark_all(store)

    [after] = await stored_documents(store)
    assert after == before | {"mark": 1, REWRITES: 1}


async def test_a_change_that_was_read_before_a_rewrite_does_not_write_the_old_document_back(store: Store, verifications: Verifications) -> None:
    added = await verifications.add(a_verification())
    read = await verifications.require(added.id)
    await mark_all(store)

    with pytest.raises(Stale):
        await verifications.replace(read, noted(read, "slow"))
    await verifications.change(added.id, lambda it, at: noted(it, "repeated"))

    [after] = await stored_documents(store)
    assert (after["mark"], after["version"], after[REWRITES]) == (1, 2, 1)


async def test_a_rewrite_of_a_verification_that_changed_meanwhile_is_not_written(store: Store, verifications: Verifications) -> None:
    added = await verifications.add(a_verification())
    read = await stored_documents(store)
    await verifications.change(added.id, lambda it, at: noted(it, "faster"))

    assert await written(store.database, [(read[0], Rewrite({"mark": 1, "version": 1}))]) == 0
    assert await marked(store) == [None]


async def test_of_two_rewrites_of_the_same_document_one_is_written(store: Store, verifications: Verifications) -> None:
    await verifications.add(a_verification())
    [read] = await stored_documents(store)

    counts = await asyncio.gather(*(written(store.database, [(read, Rewrite({"mark": number}))]) for number in range(5)))

    assert sum(counts) == 1
    assert [document[REWRITES] for document in await stored_documents(store)] == [1]


async def test_changes_and_rewrites_at_the_same_time_lose_nothing(store: Store, verifications: Verifications) -> None:
    added = [await verifications.add(a_verification()) for _ in range(20)]

    async def change(id: str) -> None:
        for number in range(5):
            await verifications.change(id, lambda it, at: noted(it, f"event-{number}"))  # noqa: B023

    await asyncio.gather(mark_all(store), mark_all(store), *(change(each.id) for each in added))

    documents = await stored_documents(store)
    assert [(document["version"], document["mark"]) for document in documents] == [(6, 1)] * 20


async def test_subscribers_receive_no_rewrite(feed: Feed, store: Store, verifications: Verifications) -> None:
    rewritten, last = a_verification(), a_verification()
    with feed.listen("acme") as everything:
        await verifications.add(rewritten)
        await next_change(everything)
        await mark_all(store)
        await verifications.add(last)

        # Changes arrive in order. So if the next one is that of the other verification, none was delivered for the rewrite.
        assert (await next_change(everything)).id == last.id


async def test_subscribers_receive_updates_by_other_programs(feed: Feed, store: Store, verifications: Verifications) -> None:
    added = await verifications.add(a_verification())
    with feed.listen("acme") as everything:
        await store.collection.update_one({"_id": added.id}, {"$set": {"reference": "order-9"}})

        assert (await next_change(everything, lambda it: it.reference == "order-9")).id == added.id
