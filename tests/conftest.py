"""Fixtures that the tests of several packages use."""

import os
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest
from pymongo import MongoClient, monitoring

from gateway.development.mongod import EmbeddedMongo
from store.feed import Feed
from store.indexes import VERIFICATIONS
from store.verifications import Store, Verifications
from tests.authenticated import AuthenticatedMongo, authenticated_mongo
from tests.clock import Clock
from tests.commands import Commands
from tests.company import Company
from tests.serving import Gateway, serving
from tests.storing import a_feed, feeding, storing


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Makes pytest run asynchronous tests on uvloop, the event loop that the gateway uses in production."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(scope="session")
def mongo_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of a real MongoDB for all tests. It is GATEWAY_TEST_MONGO_URI if that is set, otherwise an embedded MongoDB is started."""
    if uri := os.environ.get("GATEWAY_TEST_MONGO_URI"):
        yield uri
        return
    with EmbeddedMongo(tmp_path_factory.mktemp("mongo")) as mongo:
        yield mongo.uri


@pytest.fixture(scope="session")
def authenticated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AuthenticatedMongo]:
    """A MongoDB that requires users and passwords, as in production. All tests share it."""
    with authenticated_mongo(tmp_path_factory.mktemp("authenticated")) as running:
        yield running


@pytest.fixture
def database_name() -> str:
    """The name of a database that only this test uses."""
    return f"test_{uuid4().hex}"


@pytest.fixture
def database_uri(mongo_uri: str, mongo: MongoClient[dict[str, Any]], database_name: str) -> Iterator[str]:
    """The URI of a database that only this test uses. It is dropped after the test: mongod can't open the files of some hundreds of databases."""
    yield urlunsplit(urlsplit(mongo_uri)._replace(path=f"/{database_name}"))
    mongo.drop_database(database_name)


@pytest.fixture
async def gateway(database_uri: str) -> AsyncIterator[Gateway]:
    """A running gateway, with a database that only this test uses."""
    async with serving(database_uri) as running:
        yield running


@pytest.fixture(scope="module")
def shared_database_uri(mongo_uri: str, mongo: MongoClient[dict[str, Any]]) -> Iterator[str]:
    """The URI of a database that all tests of a module share. It is dropped after the last test of the module."""
    name = f"test_{uuid4().hex}"
    yield urlunsplit(urlsplit(mongo_uri)._replace(path=f"/{name}"))
    mongo.drop_database(name)


@pytest.fixture(scope="module")
async def shared_gateway(shared_database_uri: str, commands: Commands) -> AsyncIterator[Gateway]:
    """A running gateway that all tests of a module share. Each test uses a separate workspace (see the fixture `company`)."""
    async with serving(shared_database_uri) as running:
        yield running


@pytest.fixture(scope="module")
def mongo(mongo_uri: str) -> Iterator[MongoClient[dict[str, Any]]]:
    """A MongoDB client, for tests that read or write the database without the gateway."""
    with MongoClient[dict[str, Any]](mongo_uri, tz_aware=True) as client:
        yield client


@pytest.fixture
def company(shared_gateway: Gateway, shared_database_uri: str, mongo: MongoClient[dict[str, Any]]) -> Company:
    """A company with a new workspace, at the gateway that all tests of the module share."""
    return Company(shared_gateway, mongo[urlsplit(shared_database_uri).path[1:]][VERIFICATIONS])


@pytest.fixture
def stranger(company: Company) -> Company:
    """Another company at the same gateway. It may see nothing of `company`."""
    return Company(company.gateway, company.collection)


@pytest.fixture(scope="session")
def commands() -> Commands:
    """Records the commands that MongoDB clients send. It records only clients that are created after this fixture."""
    listener = Commands()
    monitoring.register(listener)
    return listener


@pytest.fixture
def clock() -> Clock:
    """The clock of the store. Its time is noon until a test changes it."""
    return Clock()


@pytest.fixture
async def store(database_uri: str, clock: Clock, commands: Commands) -> AsyncIterator[Store]:
    """A store, with a database that only this test uses."""
    async with storing(database_uri, clock) as store:
        yield store


@pytest.fixture
def verifications(store: Store) -> Verifications:
    """The store's verifications in the workspace `acme`."""
    return store.within("acme")


@pytest.fixture
async def feed(database_uri: str, store: Store) -> AsyncIterator[Feed]:
    """A running feed of changes to the verifications in `store`."""
    async with a_feed(database_uri, store) as opened, feeding(opened) as running:
        yield running
