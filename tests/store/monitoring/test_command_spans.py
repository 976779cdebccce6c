"""Tests that each command to a real MongoDB begins one span and ends it, also if the command fails."""

from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from store.monitoring.command_spans import CommandSpans


def test_each_command_begins_and_ends_once(database_uri: str) -> None:
    steps: list[tuple[object, ...]] = []

    def begin(name: str, collection: str) -> str:
        steps.append(("begin", name, collection))
        return f"span of {name}"

    spans = CommandSpans(begin, lambda span, code: steps.append(("end", span, code)))
    with MongoClient[dict[str, Any]](database_uri, event_listeners=[spans]) as client:
        things = client.get_default_database()["things"]
        things.find_one({"_id": 1})
        with pytest.raises(OperationFailure) as refused:
            things.find_one({"$nonsense": 1})
        of_things = [step for step in steps if "find" in str(step[1])]

    assert of_things == [
        ("begin", "find", "things"),
        ("end", "span of find", None),
        ("begin", "find", "things"),
        ("end", "span of find", str(refused.value.code)),
    ]
    assert spans._running == {}
