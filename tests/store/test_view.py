"""A verification seen through its document is the verification."""

from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, replace
from datetime import UTC, datetime

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.event import Actor, Progress
from domain.result import Result
from domain.status import Status
from domain.verification import Idempotency, Verification
from store.documents import Document
from store.driver import UTC_INSTANTS
from store.sealing import Sealed
from store.view import KEPT, check, everything
from tests.factories import FAILED_RESULT, VERIFIED_RESULT, WINDOWS, a_final_verification, a_verification, later, retried
from tests.store.histories import chains, over_histories, results
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


def test_a_history_that_is_no_list_has_no_end_that_could_not_be_read() -> None:
    view = decode(kept(a_verification()) | {"events": {}})

    assert view.events_after(1) == view.events == ()


def test_its_events_are_decoded_once() -> None:
    view = decode(kept(a_final_verification()))

    assert view.events is view.events


@pytest.mark.parametrize("missing", [kept.field for kept in KEPT.values() if kept.required])
def test_what_is_missing_is_found_at_once(missing: str) -> None:
    document = kept(a_verification())
    del document[missing]

    with pytest.raises(KeyError, match=missing):
        decode(document)


@pytest.mark.parametrize(
    ("attribute", "spoiled"),
    [
        ("reasons", {"reasons": 7}),
        ("provider", {"provider": "sandbox"}),
        ("provider", {"provider": {"name": "sandbox"}}),
        ("idempotency", {"idempotency": "key-1"}),
        ("events", {"events": None}),
        ("events", {"events": [{"version": 1, "type": "unheard of", "actor": "integrator", "at": datetime(2026, 3, 2, tzinfo=UTC)}]}),
        ("events", {"events": [{"version": 1, "type": "created"}]}),
        ("created_at", {"createdAt": "yesterday"}),
        ("completed_at", {"completedAt": "tomorrow"}),
    ],
)
def test_what_is_spoiled_is_found_by_whoever_asks_for_it(attribute: str, spoiled: Document) -> None:
    view = decode(kept(a_verification(idempotency=Idempotency("key-1", None))) | spoiled)

    assert view.status is Status.PENDING
    with pytest.raises((AttributeError, KeyError, TypeError)):
        getattr(view, attribute)


FIELDS = ["_id", "workspace", "version", "status", "reasons", "provider", "createdAt", "openedAt", "completedAt", "events"]
ENTRY = ["version", "type", "actor", "at", "from", "to", "reasons"]
WRONG: list[object] = [None, 7, "somebody's", [], {}]


@over_histories
@given(chains(), st.sampled_from(FIELDS), st.none() | st.tuples(st.integers(0, 9), st.sampled_from(ENTRY)), st.none() | st.sampled_from(WRONG))
def test_what_can_not_be_read_is_found_without_reading_it(
    attempts: list[Verification], field: str, entry: tuple[int, str] | None, wrong: object
) -> None:
    for verification in attempts:
        document = kept(verification)
        spoiled = document if entry is None else document["events"][entry[0] % len(document["events"])]
        name = field if entry is None else entry[1]
        if wrong is None:
            spoiled.pop(name, None)
        else:
            spoiled[name] = wrong

        assert failure(looked_at, document) == failure(read, document)


def read(document: Document) -> None:
    everything(decode(document))


def looked_at(document: Document) -> None:
    decode(document)
    check(document)


def failure(look: Callable[[Document], None], document: Document) -> str | None:
    """What it raises."""
    try:
        look(document)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return type(error).__name__
    return None
