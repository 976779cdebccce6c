"""Tests of decoding stored numbers, instants and events, both valid and damaged."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import DatetimeMS, Int64

from domain.errors import BadDocument, BadValue
from tests.factories import a_verification, later
from tests.histories import noted
from tests.store.test_stored_verification import document_read
from tests.storing import decode


@pytest.mark.parametrize(("stored", "expected"), [(Int64(3), 3), (3.0, 3)])
def test_an_integer_may_be_stored_under_any_numeric_type(stored: object, expected: int) -> None:
    assert decode(document_read(a_verification()) | {"version": stored, "attempt": stored}).version == expected


@pytest.mark.parametrize("stored", [2.5, float("nan"), float("inf"), True, Int64(2**31), "3", []])
def test_a_version_must_be_an_integer_of_32_bits(stored: object) -> None:
    with pytest.raises(BadDocument):
        decode(document_read(a_verification()) | {"version": stored})


def test_an_instant_beyond_pythons_range_becomes_the_nearest_possible_one() -> None:
    verification = decode(document_read(a_verification()) | {"openedAt": DatetimeMS(2**62), "completedAt": DatetimeMS(-(2**62))})

    assert verification.opened_at == datetime(9999, 12, 31, 23, 59, 59, 999_000, UTC)
    assert verification.completed_at == datetime(1, 1, 1, tzinfo=UTC)


AN_EVENT = {"version": 2, "type": "link_opened", "actor": "individual", "at": datetime(2026, 3, 2, 12, 1, tzinfo=UTC)}


@pytest.mark.parametrize(
    "damaged",
    [
        AN_EVENT | {"type": "unfamiliar"},
        AN_EVENT | {"type": {}},
        AN_EVENT | {"actor": "somebody"},
        AN_EVENT | {"at": "noon"},
        AN_EVENT | {"version": "2"},
        AN_EVENT | {"reasons": "IDVV_1301"},
        {"version": 2},
        {},
        None,
        "an event",
        7,
    ],
)
@pytest.mark.parametrize("version", [0, 1, 2])
def test_an_unreadable_event_is_left_out_and_the_others_keep_their_versions(damaged: object, version: int) -> None:
    original = noted(noted(a_verification(), "event-2", later(minutes=1)), "event-3", later(minutes=2))
    document = document_read(original)
    document["events"][1] = damaged

    verification = decode(document)

    assert verification.version == 3
    assert verification.events_after(version) == tuple(event for event in original.events if event.version in {1, 3} and event.version > version)
    assert verification.events == (original.events[0], original.events[2])
    assert noted(verification, "event-4").version == 4


def test_only_the_unreadable_values_of_an_event_are_bad() -> None:
    verification = a_verification(id="ver_1")
    document = document_read(verification)
    document["events"][0] |= {"from": "unfamiliar", "to": 7, "note": ["a note"], "reasons": ["IDVV_1301", 7], "sourceId": 9}
    del document["events"][0]["version"]

    values: dict[str, Any] = {
        "from_status": BadValue("ver_1", "events.from"),
        "to_status": BadValue("ver_1", "events.to"),
        "note": BadValue("ver_1", "events.note"),
        "reasons": ("IDVV_1301",),
        "source_id": 9,
    }
    assert decode(document).events == (replace(verification.events[0], **values),)


def test_events_after_a_version_are_found_if_the_oldest_are_missing() -> None:
    verification = noted(noted(a_verification(), "event-2"), "event-3")
    document = document_read(verification)
    del document["events"][:2]

    assert decode(document).events_after(1) == decode(document).events_after(2) == verification.events[2:]
    assert decode(document).events_after(3) == ()
