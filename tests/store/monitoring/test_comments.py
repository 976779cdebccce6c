"""Tests that commands carry a comment, which MongoDB shows in its logs and its profiler. The MongoDB is real."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pymongo import IndexModel, MongoClient, UpdateOne

from store.monitoring.comments import COMMENTED, CommentedCollection
from tests.commands import Commands

Things = CommentedCollection
CALLS: dict[str, Callable[[Things], object]] = {
    "aggregate": lambda things: list(things.aggregate([{"$match": {"_id": 1}}])),
    "bulk_write": lambda things: things.bulk_write([UpdateOne({"_id": 1}, {"$set": {"a": 1}})]),
    "count_documents": lambda things: things.count_documents({}),
    "create_indexes": lambda things: things.create_indexes([IndexModel([("a", 1)])]),
    "delete_many": lambda things: things.delete_many({"_id": 9}),
    "delete_one": lambda things: things.delete_one({"_id": 9}),
    "distinct": lambda things: things.distinct("a"),
    "find": lambda things: list(things.find({"_id": 1})),
    "find_one": lambda things: things.find_one({"_id": 1}),
    "find_one_and_replace": lambda things: things.find_one_and_replace({"_id": 1}, {"a": 2}),
    "find_one_and_update": lambda things: things.find_one_and_update({"_id": 1}, {"$set": {"a": 2}}),
    "insert_many": lambda things: things.insert_many([{"a": 1}]),
    "insert_one": lambda things: things.insert_one({"a": 1}),
    "replace_one": lambda things: things.replace_one({"_id": 1}, {"a": 3}),
    "update_many": lambda things: things.update_many({"_id": 1}, {"$set": {"a": 4}}),
    "update_one": lambda things: things.update_one({"_id": 1}, {"$set": {"a": 5}}),
}


@pytest.fixture
def listened(database_uri: str) -> Iterator[tuple[Commands, MongoClient[dict[str, Any]]]]:
    """A recorder of the commands that a client sends, and the client."""
    commands = Commands()
    with MongoClient[dict[str, Any]](database_uri, event_listeners=[commands]) as client:
        yield commands, client


@pytest.mark.parametrize("method", COMMENTED)
def test_every_method_adds_the_comment(method: str, listened: tuple[Commands, MongoClient[dict[str, Any]]]) -> None:
    commands, client = listened
    database = client.get_default_database()
    comments = iter(["first", None])
    things = CommentedCollection(database, "things", lambda: next(comments, None)).with_options()

    with commands.sent(database.name) as sent:
        CALLS[method](things)
        CALLS[method](things)

    assert [command.get("comment") for command in sent] == ["first", None]
