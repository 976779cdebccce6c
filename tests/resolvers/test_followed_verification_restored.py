"""Followers of a verification whose document another program replaces by an older version, for example from a backup."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from bson.timestamp import Timestamp
from pymongo import MongoClient

from store.documents import milliseconds
from store.feed import Feed
from store.indexes import VERIFICATIONS
from store.verifications import utc_now
from tests.company import CAPTURE_STARTED, LINK_OPENED, Company
from tests.serving import serving
from tests.wire import following

UPDATED = """
subscription($id: ID!, $after: Int, $retries: Boolean! = false) {
  verificationUpdated(id: $id, after: $after, followRetries: $retries) { verification { id version } events { version } }
}
"""


def stamped(document: dict[str, Any], ago: timedelta) -> dict[str, Any]:
    """The document with a stamp of this long ago, as if MongoDB had stored it then."""
    return document | {"storedAt": Timestamp(milliseconds(utc_now() - ago) // 1000, 1)}


@pytest.mark.parametrize("retries", [False, True])
@pytest.mark.parametrize("restore", ["replaces it", "updates its version"])
async def test_followers_ahead_of_a_restored_version_end_and_others_go_on(company: Company, retries: bool, restore: str) -> None:
    id, kept = await company.created(), await company.created()
    backup = company.collection.find_one({"_id": id})
    assert backup
    await company.progress(id, LINK_OPENED)
    await company.progress(id, CAPTURE_STARTED)

    async with (
        following(company.gateway, company.token(), UPDATED, {"id": id, "retries": retries}) as updates,
        following(company.gateway, company.token(), UPDATED, {"id": kept, "retries": retries}) as others,
    ):
        sent = [await updates.next(), await others.next()]
        # Wait for a change of `kept`. The change stream has then delivered the earlier change of `id` too.
        await company.progress(kept, LINK_OPENED)
        sent.append(await others.next())
        if restore == "replaces it":
            company.collection.replace_one({"_id": id}, backup)
        else:
            company.collection.update_one({"_id": id}, {"$set": {"version": 1, "events": backup["events"]}})
        errors = await updates.errors()
        await company.result(kept, "VERIFIED")
        sent += await others.rest()

    assert [error["extensions"] for error in errors] == [{"code": "VERSION_AHEAD"}]
    assert f"{id} is at version 1, not yet at 3" in errors[0]["message"]
    assert [(update["verification"]["id"], update["verification"]["version"]) for update in sent] == [(id, 3), (kept, 1), (kept, 2), (kept, 3)]


async def test_an_old_backup_is_noticed_by_a_process_that_never_delivered_the_later_version(
    company: Company, database_uri: str, mongo: MongoClient[dict[str, Any]]
) -> None:
    id = await company.created()
    backup = company.collection.find_one({"_id": id})
    await company.progress(id, LINK_OPENED)
    opened = company.collection.find_one({"_id": id})
    assert backup
    assert opened
    collection = mongo[urlsplit(database_uri).path[1:]][VERIFICATIONS]
    collection.insert_one(stamped(opened, timedelta(hours=1)))

    async with serving(database_uri) as gateway, following(gateway, company.token(), UPDATED, {"id": id}) as updates:
        first = await updates.next()
        collection.replace_one({"_id": id}, stamped(backup, timedelta(hours=2)))
        errors = await updates.errors()

    assert first["verification"]["version"] == 2
    assert [error["extensions"] for error in errors] == [{"code": "VERSION_AHEAD"}]


@pytest.mark.parametrize("lost", [False, True])
async def test_a_lower_version_that_the_feed_has_read_is_compared_with_the_stored_one(
    database_uri: str, mongo: MongoClient[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, lost: bool
) -> None:
    """After a gap, the feed may deliver a version lower than the one that the subscriber has read itself.

    The subscription ends only if the stored version is lower too (`lost`).
    """
    feeds: list[Feed] = []
    open_stream = Feed.run

    def run(feed: Feed) -> Any:
        feeds.append(feed)
        return open_stream(feed)

    monkeypatch.setattr(Feed, "run", run)
    collection = mongo[urlsplit(database_uri).path[1:]][VERIFICATIONS]
    async with serving(database_uri) as gateway:
        company = Company(gateway, collection)
        id = await company.created()
        backup = collection.find_one({"_id": id})
        assert backup
        [feed] = feeds
        with feed.listen(company.workspace, id=id) as listener:
            await company.progress(id, LINK_OPENED)
            [opened] = await listener.changes()
            await company.progress(id, CAPTURE_STARTED)
            await listener.changes()
        async with following(gateway, company.token(), UPDATED, {"id": id}) as updates:
            received = [await updates.next()]
            if lost:
                # Switch off the change stream, so that only the delivery below brings a lower version to the subscriber.
                monkeypatch.setattr(feed, "_receive", lambda *_: None)
                collection.replace_one({"_id": id}, backup)
            feed._listeners.deliver(opened.verification, 1, ("id",), found=2)
            if lost:
                [error] = await updates.errors()
                assert f"{id} is at version 1, not yet at 3" in error["message"]
            else:
                await company.result(id, "VERIFIED")
                received += await updates.rest()

    assert [update["verification"]["version"] for update in received] == ([3] if lost else [3, 4])


async def test_a_follower_goes_on_if_its_own_version_is_written_again(company: Company) -> None:
    id = await company.created()
    stored = company.collection.find_one({"_id": id})
    assert stored

    async with following(company.gateway, company.token(), UPDATED, {"id": id}) as updates:
        received = [await updates.next()]
        company.collection.replace_one({"_id": id}, stamped(stored, timedelta(hours=1)))
        await company.result(id, "VERIFIED")
        received += await updates.rest()

    assert [update["verification"]["version"] for update in received] == [1, 2]
