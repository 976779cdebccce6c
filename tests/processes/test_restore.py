"""Drills of a restore: the database is replaced by a backup while clients follow verifications. docs/restoring.md describes the steps.

mongodump and mongorestore are not needed: the documents are copied with the driver, or the data files are copied while mongod is stopped.
"""

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.collection import Collection

from gateway.development.mongod import EmbeddedMongo
from store.indexes import VERIFICATIONS
from tests.company import CAPTURE_COMPLETED, CAPTURE_STARTED, LINK_OPENED, Company
from tests.serving import Gateway, serving
from tests.streams import Stream, streaming
from tests.wire import Following, following

FOLLOW = "subscription($id: ID!, $retries: Boolean!) { verificationUpdated(id: $id, followRetries: $retries) { verification { id version } } }"
FEED = "subscription { verificationsUpdated { cursor verification { id version } } }"


@pytest.fixture
def company(gateway: Gateway, database_name: str, mongo: MongoClient[dict[str, Any]]) -> Company:
    """A company whose gateway and database no other test uses, because the collection that a test drops has no indexes for a while."""
    return Company(gateway, mongo[database_name][VERIFICATIONS])


@dataclass(frozen=True, slots=True)
class Followers:
    """Open subscriptions to one verification: over sockets and over event streams, both with and without its retries."""

    sockets: list[Following]
    streams: list[Stream]

    async def versions(self, expected: int) -> None:
        """Receive messages until each subscription has received this version."""
        for socket in self.sockets:
            await socket.until(lambda update: update["verification"]["version"] == expected)
        for stream in self.streams:
            while (await stream.next())[1]["data"]["verificationUpdated"]["verification"]["version"] < expected:
                pass

    async def codes(self) -> set[str]:
        """The codes of the errors with which the subscriptions end."""
        found = {(await socket.errors())[0]["extensions"]["code"] for socket in self.sockets}
        return found | {(await stream.next())[1]["errors"][0]["extensions"]["code"] for stream in self.streams}


@asynccontextmanager
async def followers(company: Company, id: str, version: int) -> AsyncIterator[Followers]:
    """A context in which a verification is followed. Its followers have received this version."""
    async with AsyncExitStack() as stack:
        sockets, streams = [], []
        for retries in (False, True):
            variables = {"id": id, "retries": retries}
            sockets.append(await stack.enter_async_context(following(company.gateway, company.token(), FOLLOW, variables)))
            streams.append(await stack.enter_async_context(streaming(company.gateway, company.token(), FOLLOW, **variables)))
        opened = Followers(sockets, streams)
        await opened.versions(version)
        yield opened


async def advanced(company: Company, id: str) -> None:
    """Report further steps of a person, until the verification has version 4."""
    await company.progress(id, LINK_OPENED)
    await company.progress(id, CAPTURE_STARTED)
    await company.progress(id, CAPTURE_COMPLETED)


def restored(collection: Collection[dict[str, Any]], backup: list[dict[str, Any]]) -> None:
    """Replace the collection by a backup, as `mongorestore --drop` does."""
    collection.drop()
    collection.insert_many(backup)


def replaced(collection: Collection[dict[str, Any]], backup: list[dict[str, Any]]) -> None:
    """Restore a backup into another collection, which then takes the place of the collection."""
    beside = collection.database["beside"]
    beside.insert_many(backup)
    beside.rename(collection.name, dropTarget=True)


def written_over(collection: Collection[dict[str, Any]], backup: list[dict[str, Any]]) -> None:
    """Write the documents of a backup over those of the collection, one by one, and delete those that the backup does not have."""
    collection.delete_many({"_id": {"$nin": [each["_id"] for each in backup]}})
    for each in backup:
        collection.replace_one({"_id": each["_id"]}, each)


@pytest.mark.parametrize("restore", [restored, replaced, written_over])
async def test_followers_learn_that_a_backup_was_restored(company: Company, restore: Any) -> None:
    """After the restore, the verification reaches the version that its followers had received, with other events."""
    id = await company.created()
    await company.progress(id, LINK_OPENED)
    backup = list(company.collection.find())
    later = await company.created()
    await company.progress(id, CAPTURE_STARTED)
    await company.progress(id, CAPTURE_COMPLETED)

    async with followers(company, id, 4) as ahead, followers(company, later, 1) as gone:
        restore(company.collection, backup)
        await company.progress(id, CAPTURE_COMPLETED)
        await company.result(id, "VERIFIED")
        codes = await ahead.codes(), await gone.codes()

    async with followers(company, id, 4):
        pass

    # If the gateway reads the collection after it was dropped, and before the backup is inserted, the followers receive NOT_FOUND.
    assert codes[0] <= {"VERSION_AHEAD", "NOT_FOUND"}
    assert codes[1] == {"NOT_FOUND"}


async def test_followers_learn_that_their_version_has_other_events_in_the_backup(company: Company) -> None:
    """The restored verification has the version that its followers have received, but other events led to it."""
    id = await company.created()
    created = list(company.collection.find())
    await advanced(company, id)
    other_history = list(company.collection.find())
    written_over(company.collection, created)
    await advanced(company, id)

    async with followers(company, id, 4) as followed:
        replaced(company.collection, other_history)

        assert await followed.codes() == {"VERSION_AHEAD"}


async def test_the_feed_of_a_workspace_ends_if_the_collection_was_dropped(company: Company) -> None:
    id = await company.created()
    backup = list(company.collection.find())

    async with following(company.gateway, company.token(), FEED) as feed, streaming(company.gateway, company.token(), FEED) as stream:
        await feed.next()
        await stream.next()
        restored(company.collection, backup)
        [error] = await feed.errors()
        _, ended = await stream.next()

    async with following(company.gateway, company.token(), FEED) as feed:
        await feed.next()
        await company.progress(id, LINK_OPENED)
        assert [update["verification"]["version"] for update in await feed.until(lambda it: it["verification"]["version"] == 2)][-1] == 2
    assert error["extensions"]["code"] == ended["errors"][0]["extensions"]["code"] == "LAGGED"


@contextmanager
def collection_of(uri: str) -> Iterator[Collection[dict[str, Any]]]:
    """The collection of verifications of a database, read and written without the gateway."""
    with MongoClient[dict[str, Any]](uri, tz_aware=True) as client:
        yield client.get_default_database()[VERIFICATIONS]


async def test_followers_learn_that_the_data_files_were_restored(tmp_path: Path) -> None:
    """The members of a replica set are stopped, get the data files of a backup, and are started again. The change stream reports none of that."""
    directory, backup = tmp_path / "mongo", tmp_path / "backup"
    with EmbeddedMongo(directory) as mongo, collection_of(mongo.uri) as collection:
        async with serving(mongo.uri) as gateway:
            company = Company(gateway, collection)
            id = await company.created()
            await company.progress(id, LINK_OPENED)
    shutil.copytree(directory, backup)

    async with AsyncExitStack() as stack:
        with EmbeddedMongo(directory) as mongo:
            address = mongo.uri
            collection = stack.enter_context(collection_of(address))
            gateway = await stack.enter_async_context(serving(address))
            company = Company(gateway, collection, company.workspace)
            gone = await company.created()
            await company.progress(id, CAPTURE_STARTED)
            await company.progress(id, CAPTURE_COMPLETED)
            ahead = await stack.enter_async_context(followers(company, id, 4))
            lost = await stack.enter_async_context(followers(company, gone, 1))
        shutil.rmtree(directory)
        shutil.copytree(backup, directory)

        with EmbeddedMongo(directory) as mongo:
            assert mongo.uri == address
            await company.progress(id, CAPTURE_COMPLETED)
            await company.result(id, "VERIFIED")

            assert await ahead.codes() == {"VERSION_AHEAD"}
            assert await lost.codes() == {"NOT_FOUND"}
            await stack.aclose()
