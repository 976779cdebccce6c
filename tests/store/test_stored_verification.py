"""Tests that a verification that was read from MongoDB, and decodes its document lazily, behaves like the original verification."""

from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import bson
import pytest
from bson import DatetimeMS
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadDocument, BadValue
from domain.event import Actor, Progress
from domain.request import Idempotency, ProviderReference
from domain.result import Result
from domain.verification import Verification
from store.driver import UTC_INSTANTS, Document
from store.sealing import Sealed
from store.stored_verification import ATTRIBUTES, NO_PROVIDER, all_values
from tests.factories import FAILED_RESULT, NOON, VERIFIED_RESULT, WINDOWS, a_final_verification, a_verification, later, retried
from tests.histories import chains, over_histories, results
from tests.storing import decode, encode

NAIVE_INSTANTS: bson.CodecOptions[Document] = bson.CodecOptions()
DERIVED = ("phase", "recommended_action", "billable", "can_retry", "verification_url", "link_expires_at", "due")


def document_read(verification: Verification, instants: bson.CodecOptions[Document] = NAIVE_INSTANTS) -> Document:
    """The document of a verification, as the driver returns it."""
    return bson.decode(bson.encode(encode(verification)), instants)


def opened(verification: Verification) -> Verification:
    """The verification with decrypted personal data. Encrypted data can't be hashed."""
    declared, extracted = verification.declared, verification.extracted
    events = tuple(replace(event, closing_note=event.closing_note and event.closing_note.open()) for event in verification.events)
    return replace(verification, declared=declared and declared.open(), extracted=extracted and extracted.open(), events=events)


def rules(progress: Progress, result: Result) -> list[Callable[[Verification], Verification]]:
    """One rule of each kind. The last rule, which anonymizes, can be applied only to final verifications."""
    at = later(days=9)
    return [
        lambda it: it.progressed(progress, WINDOWS, at),
        lambda it: it.concluded(result, at),
        lambda it: it.expired(at),
        lambda it: it.anonymized(Actor.INTEGRATOR, at),
    ]


@over_histories
@given(chains(), st.sampled_from([NAIVE_INSTANTS, UTC_INSTANTS]))
def test_a_lazy_verification_equals_the_original_in_both_directions(attempts: list[Verification], instants: bson.CodecOptions[Document]) -> None:
    for verification in attempts:
        lazy = decode(document_read(verification, instants))

        assert isinstance(lazy, Verification)
        assert lazy == verification
        assert verification == lazy
        assert lazy == decode(document_read(verification))
        assert hash(opened(lazy)) == hash(verification)
        assert repr(opened(lazy)) == repr(verification)


@over_histories
@given(chains())
def test_a_lazy_verification_differs_if_any_value_differs(attempts: list[Verification]) -> None:
    for verification in attempts:
        lazy = decode(document_read(verification))

        others: list[object] = [replace(verification, version=0), replace(verification, next="ver_other", reference="other"), verification.id, None]
        for other in others:
            assert lazy != other
            assert other != lazy


@over_histories
@given(chains(), st.integers(-1, 9))
def test_a_lazy_verification_has_the_same_derived_attributes_as_the_original(attempts: list[Verification], version: int) -> None:
    for verification in attempts:
        lazy = decode(document_read(verification))

        assert [getattr(lazy, name) for name in DERIVED] == [getattr(verification, name) for name in DERIVED]
        assert lazy.events_after(version) == verification.events_after(version)
        assert lazy.overdue(later(days=7)) == verification.overdue(later(days=7))
        assert lazy.stands_at(FAILED_RESULT) == verification.stands_at(FAILED_RESULT)


@over_histories
@given(chains(), results, st.sampled_from(Progress))
def test_a_rule_that_changes_a_lazy_verification_returns_an_ordinary_one(attempts: list[Verification], result: Result, progress: Progress) -> None:
    for verification in attempts:
        lazy = decode(document_read(verification))

        for rule in rules(progress, result)[: None if verification.status.final else -1]:
            after = rule(lazy)

            assert after == rule(verification)
            assert after is lazy or type(after) is Verification


def test_a_retry_is_an_ordinary_verification() -> None:
    before, retry = retried(decode(document_read(a_final_verification())))

    assert type(before) is type(retry) is Verification
    assert (before.next, retry.previous, retry.attempt) == (retry.id, before.id, 2)


def test_unchanged_values_keep_their_envelopes() -> None:
    document = document_read(a_final_verification(VERIFIED_RESULT), UTC_INSTANTS)

    anonymized = encode(decode(document).anonymized(Actor.INTEGRATOR, later(days=1)))
    changed = encode(replace(decode(document), reference="order-9"))

    assert encode(decode(document)) == document
    assert changed == document | {"reference": "order-9"}
    assert anonymized.keys().isdisjoint({"declared", "extracted"})


def test_reading_an_attribute_does_not_open_personal_data() -> None:
    damaged = document_read(a_final_verification(VERIFIED_RESULT)) | {"declared": 7, "extracted": {}}

    lazy = decode(damaged)

    assert isinstance(lazy.declared, Sealed)
    assert isinstance(lazy.extracted, Sealed)


def test_every_attribute_is_stored() -> None:
    assert ATTRIBUTES.keys() == {field.name for field in fields(Verification)}


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_a_lazy_verification_is_immutable(attribute: str) -> None:
    lazy = decode(document_read(a_verification()))

    with pytest.raises(FrozenInstanceError):
        setattr(lazy, attribute, None)


def test_events_are_decoded_once() -> None:
    lazy = decode(document_read(a_final_verification()))

    assert lazy.events is lazy.events


@pytest.mark.parametrize("missing", ["_id", "workspace", "version", "status", "redirectionUrl", "createdAt", "updatedAt", "expiresAt"])
def test_a_missing_required_field_is_detected_at_once(missing: str) -> None:
    document = document_read(a_verification())
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
        ("provider", "provider", NO_PROVIDER),
        ("faceRecognition", "face_recognition", False),
        ("events", "events", ()),
        ("idempotency", "idempotency", None),
    ],
)
@pytest.mark.parametrize("absent", [True, False])
def test_a_missing_field_or_null_reads_as_its_default(missing: str, attribute: str, default: object, absent: bool) -> None:
    document = document_read(a_verification(id="ver_1", face_recognition=True, idempotency=Idempotency("key-1", None))) | {missing: None}
    if absent:
        del document[missing]

    assert getattr(decode(document), attribute) == default
    assert decode(document).events_after(1) == ()


@pytest.mark.parametrize(
    ("attribute", "field", "damaged"),
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
def test_an_unreadable_value_affects_only_itself(attribute: str, field: str, damaged: object) -> None:
    whole = decode(document_read(a_verification(id="ver_1")))
    lazy = decode(document_read(a_verification(id="ver_1")) | {field: damaged})

    bad: Any = BadValue("ver_1", field)
    assert getattr(lazy, attribute) == bad
    assert lazy == replace(whole, **{attribute: bad})


BAD_PROVIDER: Any = [BadValue("ver_1", field) for field in ("provider", "provider.name", "provider.id", "provider.url")]


@pytest.mark.parametrize(
    ("provider", "read"),
    [
        ("sandbox", ProviderReference(*BAD_PROVIDER[:1] * 3)),
        ({"name": "external"}, ProviderReference("external", None, None)),
        ({"id": "id-1", "url": "https://x.example"}, ProviderReference(BAD_PROVIDER[1], "id-1", "https://x.example")),
        ({"name": "sandbox", "id": 7, "url": "https://x.example"}, ProviderReference("sandbox", BAD_PROVIDER[2], "https://x.example")),
        ({"name": "sandbox", "id": "id-1", "url": 7}, ProviderReference("sandbox", "id-1", BAD_PROVIDER[3])),
    ],
)
def test_an_unreadable_part_of_a_provider_affects_only_itself(provider: object, read: ProviderReference) -> None:
    found = decode(document_read(a_verification(id="ver_1")) | {"provider": provider})

    assert found.provider == read
    assert found.verification_url == read.url


FIELDS = ["_id", "workspace", "chain", "version", "status", "reasons", "provider", "createdAt", "openedAt", "completedAt", "events", "next"]
ENTRY = ["version", "type", "actor", "at", "from", "to", "reasons", "note"]
WRONG: list[object] = [None, 7, "somebody's", [], {}, True, 2.5, b"", [7], DatetimeMS(2**62)]


@over_histories
@given(chains(), st.sampled_from(FIELDS), st.none() | st.tuples(st.integers(0, 9), st.sampled_from(ENTRY)), st.sampled_from(WRONG), st.booleans())
def test_any_damaged_document_is_bad_at_once_or_fully_readable(
    attempts: list[Verification], field: str, entry: tuple[int, str] | None, wrong: object, absent: bool
) -> None:
    for verification in attempts:
        document = document_read(verification)
        damaged = document if entry is None else document["events"][entry[0] % len(document["events"])]
        name = field if entry is None else entry[1]
        damaged[name] = wrong
        if absent:
            del damaged[name]

        try:
            lazy = decode(document)
        except BadDocument:
            assert entry is None
        else:
            all_values(lazy)
            assert [getattr(lazy, name) for name in DERIVED]
            assert not lazy.overdue(NOON)
