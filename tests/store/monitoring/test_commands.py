"""How the commands that a client sends to MongoDB are counted, and the errors of those that fail."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import NetworkTimeout, OperationFailure

from store.monitoring.commands import NO_ANSWER, CommandCounts

Counted = tuple[CommandCounts, MongoClient[dict[str, Any]]]


@pytest.fixture
def counted(database_uri: str) -> Iterator[Counted]:
    """A client whose commands are counted."""
    counts = CommandCounts()
    with MongoClient[dict[str, Any]](database_uri, event_listeners=[counts]) as client:
        yield counts, client


def number(counts: CommandCounts, name: str) -> int:
    """How many commands with this name were counted."""
    return sum(counts.durations()[name].buckets)


def test_the_commands_of_all_threads_are_added_up(counted: Counted) -> None:
    counts, client = counted
    collection = client.get_default_database()["things"]

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: [collection.find_one({"_id": 1}) for _ in range(25)], range(8)))

    assert number(counts, "find") == 200
    assert 0 < counts.durations()["find"].seconds < 600
    assert counts.failures() == {}


def test_a_command_that_mongodb_refuses_is_counted_with_its_code(counted: Counted) -> None:
    counts, client = counted

    with pytest.raises(OperationFailure) as refused:
        client.get_default_database()["things"].find_one({"$nonsense": 1})

    assert counts.failures() == {("find", str(refused.value.code)): 1}
    assert number(counts, "find") == 1


def test_a_command_without_an_answer_is_counted_as_such(counted: Counted, database_uri: str) -> None:
    _, patient = counted
    patient.get_default_database()["things"].insert_one({"_id": 1})
    counts = CommandCounts()

    # The query sleeps for longer than the client waits.
    with (
        MongoClient[dict[str, Any]](database_uri, event_listeners=[counts], socketTimeoutMS=300, retryReads=False) as client,
        pytest.raises(NetworkTimeout),
    ):
        client.get_default_database()["things"].find_one({"$where": "sleep(3000) || true"})

    assert counts.failures() == {("find", NO_ANSWER): 1}
