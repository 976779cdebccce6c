"""A verification seen through its document is the verification."""

from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, replace
from datetime import UTC, datetime
from typing import Any

import bson
import pytest
from bson import DatetimeMS, Int64
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadDocument, BadValue
from domain.event import Actor, Progress
from domain.result import Result
from domain.verification import Idempotency, Provider, Verification
from store.documents import Document
from store.driver import UTC_INSTANTS
from store.sealing import Sealed
from store.stored_verification import KEPT, everything
from tests.factories import FAILED_RESULT, NOON, VERIFIED_RESULT, WINDOWS, a_final_verification, a_verification, later, retried
from tests.histories import chains, noted, over_histories, results
from tests.storing import decode, encode

NAIVE_INSTANTS: bson.CodecOptions[Document] = bson.CodecOptions()
DERIVED = ("phase", "recommended_action", "billable", "can_retry", "verification_url", "link_expires_at", "due")


def kept(verification: Verification, instants: bson.CodecOptions[Document] = NAIVE_INSTANTS) -> Document:
    """The document of a verification, as the driver hands it over."""
    return bson.decode(bson.encode(encode(verification)), instants)


def opened(verification: Verification) -> Verification:
    """The verification with its personal data open, so that it can be hashed."""
    declared, extracted = verification.declared, verification.extracted
    return replace(verification, declared=declared and declared.open(), extracted=extracted and extracted.open())


def rules(progress: Progress, result: Result) -> list[Callable[[Verification], Verification]]:
    """All that can happen to a verification; the last of it to a final one only."""
    at = later(days=9)
    return [
        lambda it: it.progressed(progress, WINDOWS, at),
        lambda it: it.concluded(result, at),
        lambda it: it.expired(at),
        lambda it: it.anonymized(Actor.INTEGRATOR, at),
    ]


@over_histories
@given(chains(), st.sampled_from([NAIVE_INSTANTS, UTC_INSTANTS]))
def test_it_equals_what_was_stored_from_either_side(attempts: list[Verification], instants: bson.CodecOptions[Document]) -> None:
    for verification in attempts:
        view = decode(kept(verification, instants))

        assert isinstance(view, Verification)
        assert view == verification
        assert verification == view
        assert view == decode(kept(verification))
        assert hash(opened(view)) == hash(verification)
        assert repr(opened(view)) == repr(verification)


@over_histories
@given(chains())
def test_it_differs_where_anything_differs(attempts: list[Verification]) -> None:
    for verification in attempts:
        view = decode(kept(verification))

        others: list[object] = [replace(verification, version=0), replace(verification, next="ver_other", reference="other"), verification.id, None]
        for other in others:
            assert view != other
            assert other != view


@over_histories
@given(chains(), st.integers(-1, 9))
def test_what_is_derived_is_the_same(attempts: list[Verification], version: int) -> None:
    for verification in attempts:
        view = decode(kept(verification))

        assert [getattr(view, name) for name in DERIVED] == [getattr(verification, name) for name in DERIVED]
        assert view.events_after(version) == verification.events_after(version)
        assert view.overdue(later(days=7)) == verification.overdue(later(days=7))
        assert view.stands_at(FAILED_RESULT) == verification.stands_at(FAILED_RESULT)


@over_histories
@given(chains(), results, st.sampled_from(Progress))
def test_what_a_rule_makes_of_it_is_an_ordinary_verification(attempts: list[Verification], result: Result, progress: Progress) -> None:
    for verification in attempts:
        view = decode(kept(verification))

        for rule in rules(progress, result)[: None if verification.status.final else -1]:
            after = rule(view)

            assert after == rule(verification)
            assert after is view or type(after) is Verification


def test_its_retry_is_an_ordinary_verification() -> None:
    before, retry = retried(decode(kept(a_final_verification())))

    assert type(before) is type(retry) is Verification
    assert (before.next, retry.previous, retry.attempt) == (retry.id, before.id, 2)


def test_what_was_not_changed_stays_sealed_in_its_envelope() -> None:
    document = kept(a_final_verification(VERIFIED_RESULT), UTC_INSTANTS)

    anonymized = encode(decode(document).anonymized(Actor.INTEGRATOR, later(days=1)))
    changed = encode(replace(decode(document), reference="order-9"))

    assert encode(decode(document)) == document
    assert changed == document | {"reference": "order-9"}
    assert anonymized.keys().isdisjoint({"declared", "extracted"})


def test_personal_data_are_not_opened_by_looking_at_it() -> None:
    spoiled = kept(a_final_verification(VERIFIED_RESULT)) | {"declared": 7, "extracted": {}}

    view = decode(spoiled)

    assert isinstance(view.declared, Sealed)
    assert isinstance(view.extracted, Sealed)


def test_every_attribute_is_kept_somewhere() -> None:
    assert KEPT.keys() == {field.name for field in fields(Verification)}


@pytest.mark.parametrize("attribute", KEPT)
def test_it_can_not_be_changed(attribute: str) -> None:
    view = decode(kept(a_verification()))

    with pytest.raises(FrozenInstanceError):
        setattr(view, attribute, None)


def test_its_events_are_decoded_once() -> None:
    view = decode(kept(a_final_verification()))

    assert view.events is view.events


@pytest.mark.parametrize("missing", ["_id", "workspace", "version", "status", "redirectionUrl", "createdAt", "updatedAt", "expiresAt"])
def test_what_is_missing_and_has_no_default_is_found_at_once(missing: str) -> None:
    document = kept(a_verification())
    del document[missing]

    with pytest.raises(BadDocument) as bad:
        decode(document)

    assert bad.value.stored_field == missing


@pytest.mark.parametrize(
    ("missing", "attribute", "default"),
    [
        ("chain", "chain", "ver_1"),
        ("attempt", "attempt", 1),
        ("reasons", "reasons", ()),
        ("provider", "provider", Provider("", "", None)),
        ("faceRecognition", "face_recognition", False),
        ("events", "events", ()),
        ("idempotency", "idempotency", None),
    ],
)
@pytest.mark.parametrize("absent", [True, False])
def test_what_is_missing_or_null_reads_as_its_default(missing: str, attribute: str, default: object, absent: bool) -> None:
    document = kept(a_verification(id="ver_1", face_recognition=True, idempotency=Idempotency("key-1", None))) | {missing: None}
    if absent:
        del document[missing]

    assert getattr(decode(document), attribute) == default
    assert decode(document).events_after(1) == ()


@pytest.mark.parametrize(
    ("attribute", "field", "spoiled"),
    [
        ("reference", "reference", 7),
        ("previous", "previous", ["ver_0"]),
        ("next", "next", {}),
        ("opened_at", "openedAt", "tomorrow"),
        ("link_deadline", "linkExpiresAt", 1),
        ("completed_at", "completedAt", "tomorrow"),
        ("anonymized_at", "anonymizedAt", True),
    ],
)
def test_a_value_that_can_not_be_read_fails_nothing_but_itself(attribute: str, field: str, spoiled: object) -> None:
    whole = decode(kept(a_verification(id="ver_1")))
    view = decode(kept(a_verification(id="ver_1")) | {field: spoiled})

    bad: Any = BadValue("ver_1", field)
    assert getattr(view, attribute) == bad
    assert view == replace(whole, **{attribute: bad})


@pytest.mark.parametrize("provider", ["sandbox", {"name": "sandbox"}, {"name": "sandbox", "id": "id-1", "url": 7}])
def test_of_a_provider_that_can_not_be_read_the_link_is_bad(provider: object) -> None:
    assert decode(kept(a_verification(id="ver_1")) | {"provider": provider}).verification_url == BadValue("ver_1", "provider")


@pytest.mark.parametrize(("stored", "seen"), [(Int64(3), 3), (3.0, 3)])
def test_a_whole_number_may_be_stored_under_any_numeric_type(stored: object, seen: int) -> None:
    assert decode(kept(a_verification()) | {"version": stored, "attempt": stored}).version == seen


@pytest.mark.parametrize("stored", [2.5, float("nan"), float("inf"), True, Int64(2**31), "3", []])
def test_what_is_no_whole_number_of_32_bits_is_no_version(stored: object) -> None:
    with pytest.raises(BadDocument):
        decode(kept(a_verification()) | {"version": stored})


def test_an_instant_that_python_can_not_express_is_the_nearest_one_that_it_can() -> None:
    view = decode(kept(a_verification()) | {"openedAt": DatetimeMS(2**62), "completedAt": DatetimeMS(-(2**62))})

    assert view.opened_at == datetime(9999, 12, 31, 23, 59, 59, 999_000, UTC)
    assert view.completed_at == datetime(1, 1, 1, tzinfo=UTC)


AN_EVENT = {"version": 2, "type": "link_opened", "actor": "individual", "at": datetime(2026, 3, 2, 12, 1, tzinfo=UTC)}


@pytest.mark.parametrize(
    "spoiled",
    [
        AN_EVENT | {"type": "unheard_of"},
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
def test_an_event_that_can_not_be_read_is_left_out_and_its_version_counts(spoiled: object, version: int) -> None:
    verification = noted(noted(a_verification(), "event-2", later(minutes=1)), "event-3", later(minutes=2))
    document = kept(verification)
    document["events"][1] = spoiled

    view = decode(document)

    assert view.version == 3
    assert view.events_after(version) == tuple(event for event in verification.events if event.version in {1, 3} and event.version > version)
    assert view.events == (verification.events[0], verification.events[2])
    assert noted(view, "event-4").version == 4


def test_of_an_event_only_the_values_that_can_not_be_read_are_bad() -> None:
    verification = a_verification(id="ver_1")
    document = kept(verification)
    document["events"][0] |= {"from": "unheard of", "to": 7, "note": ["a note"], "reasons": ["IDVV_1301", 7], "sourceId": 9}
    del document["events"][0]["version"]

    values: dict[str, Any] = {
        "from_status": BadValue("ver_1", "events.from"),
        "to_status": BadValue("ver_1", "events.to"),
        "note": BadValue("ver_1", "events.note"),
        "reasons": ("IDVV_1301",),
        "source_id": 9,
    }
    assert decode(document).events == (replace(verification.events[0], **values),)


def test_events_after_a_version_are_found_where_the_oldest_are_missing() -> None:
    verification = noted(noted(a_verification(), "event-2"), "event-3")
    document = kept(verification)
    del document["events"][:2]

    assert decode(document).events_after(1) == decode(document).events_after(2) == verification.events[2:]
    assert decode(document).events_after(3) == ()


FIELDS = ["_id", "workspace", "chain", "version", "status", "reasons", "provider", "createdAt", "openedAt", "completedAt", "events", "next"]
ENTRY = ["version", "type", "actor", "at", "from", "to", "reasons", "note"]
WRONG: list[object] = [None, 7, "somebody's", [], {}, True, 2.5, b"", [7], DatetimeMS(2**62)]


@over_histories
@given(chains(), st.sampled_from(FIELDS), st.none() | st.tuples(st.integers(0, 9), st.sampled_from(ENTRY)), st.sampled_from(WRONG), st.booleans())
def test_whatever_stands_in_a_document_it_is_bad_at_once_or_everything_of_it_can_be_read(
    attempts: list[Verification], field: str, entry: tuple[int, str] | None, wrong: object, absent: bool
) -> None:
    for verification in attempts:
        document = kept(verification)
        spoiled = document if entry is None else document["events"][entry[0] % len(document["events"])]
        name = field if entry is None else entry[1]
        spoiled[name] = wrong
        if absent:
            del spoiled[name]

        try:
            view = decode(document)
        except BadDocument:
            assert entry is None
        else:
            everything(view)
            assert [getattr(view, name) for name in DERIVED]
            assert not view.overdue(NOON)
