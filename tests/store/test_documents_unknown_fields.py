"""Tests that a change by this release keeps everything that a newer release has added to a document."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.event import Actor, Progress
from domain.request import RetryRequest
from domain.verification import Verification
from store import documents
from store.decoding import EVENT_TYPES
from store.driver import NAIVE_INSTANTS, UTC_INSTANTS, Document
from store.stored_verification import document_of
from store.verifications import Store, Verifications
from tests.factories import FAILED_RESULT, VERIFIED_RESULT, WINDOWS, a_final_verification, a_provider, a_verification, an_id, later, retried
from tests.histories import chains, noted, over_histories, results, texts
from tests.storing import DATA_KEYS, decode, encode

Rule = Callable[[Verification], Verification]
Path = tuple[str | int, ...]

# The prefix of unfamiliar fields, which stand for the fields that a newer release adds. No field of this release begins with it.
PREFIX = "x_"
SEALED = ("declared", "extracted", "closingNote")
NAMES = RetryRequest("Jeanne", "Moreau")

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | texts
    | st.binary(max_size=4)
    | st.integers(-(10**4), 10**4).map(lambda days: later(days=days))
)
# A field name in BSON ends at a zero byte, so it can't contain one.
names = texts.map(lambda text: text.replace("\0", ""))
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=5)
additions = st.dictionaries(names.map(lambda name: PREFIX + name), values, max_size=2)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """A random rule. It need not change the verification to which it is applied."""
    at, result, progress = later(days=draw(st.integers(0, 9))), draw(results), draw(st.sampled_from(Progress))
    source_id, id = draw(st.none() | texts), an_id()
    choices: dict[str, Rule] = {
        "progress": lambda it: it.progressed(progress, WINDOWS, at, source_id),
        "result": lambda it: it.concluded(result, at),
        "deadline": lambda it: it.expired(at),
        "retry": lambda it: it.retried(id, NAMES, a_provider(id), WINDOWS, at)[0] if it.can_retry else it,
        "anonymize": lambda it: it.anonymized(Actor.INTEGRATOR, at) if it.status.final else it,
    }
    return choices[draw(st.sampled_from(sorted(choices)))]


def objects(value: Any) -> Iterator[Document]:
    """All nested documents inside a value, at any depth, and the value itself if it is a document."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(inner)


def read_back(document: Document, instants: bson.CodecOptions[Document]) -> Document:
    """The document as the driver returns it after it was stored."""
    return bson.decode(bson.encode(document), instants)


def change(document: Document, rule: Rule) -> Document:
    """The stored document after a rule was applied to its verification, as the driver returns it."""
    old = decode(document)
    new = rule(old)
    return read_back(document if new is old else documents.encode(new, DATA_KEYS, old), UTC_INSTANTS)


def added(document: Any, path: Path = ()) -> dict[Path, Any]:
    """All unfamiliar fields of a document with their values, by their paths."""
    found: dict[Path, Any] = {}
    for key, value in document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ():
        if isinstance(key, str) and key.startswith(PREFIX):
            found[*path, key] = value
        else:
            found |= added(value, (*path, key))
    return found


def without_additions(value: Any) -> Any:
    """The value without its unfamiliar fields."""
    if isinstance(value, dict):
        return {name: without_additions(inner) for name, inner in value.items() if not name.startswith(PREFIX)}
    return [without_additions(inner) for inner in value] if isinstance(value, list) else value


def opened(document: Document) -> Document:
    """The document with its personal data decrypted, so that two documents can be compared: two envelopes of the same content differ."""
    home = document["workspace"], document["_id"]
    return document | {name: DATA_KEYS.open((*home, name), document[name]) for name in SEALED if name in document}


@over_histories
@given(chains(), st.lists(rules(), max_size=5), st.data(), st.sampled_from([NAIVE_INSTANTS, UTC_INSTANTS]))
def test_unfamiliar_fields_survive_all_changes_and_affect_nothing(
    attempts: list[Verification], sequence: list[Rule], data: st.DataObject, instants: bson.CodecOptions[Document]
) -> None:
    for verification in attempts:
        plain = read_back(encode(verification), UTC_INSTANTS)
        extended = deepcopy(plain)
        for each in [*objects(extended)]:
            each |= data.draw(additions)
        extended = read_back(extended, UTC_INSTANTS)
        before = added(extended)

        for rule in sequence:
            plain, extended = change(plain, rule), change(read_back(extended, instants), rule)

        # Unfamiliar fields inside the envelopes of personal data are removed when the personal data are removed.
        assert added(extended) == {path: value for path, value in before.items() if path[0] not in SEALED or path[0] in plain}
        assert opened(without_additions(extended)) == opened(plain)


@over_histories
@given(chains(), st.lists(rules(), max_size=5), st.data())
def test_events_of_unfamiliar_types_keep_their_places_and_versions(attempts: list[Verification], sequence: list[Rule], data: st.DataObject) -> None:
    for verification in attempts:
        document = read_back(encode(verification), UTC_INSTANTS)
        for rule in sequence:
            if data.draw(st.booleans()):
                next_version = document["version"] + 1
                unknown = {"version": next_version, "type": "x_paused", "actor": "x_robot", "at": document["updatedAt"], "to": "x_paused", "for": [1]}
                document = document | {"version": next_version, "events": [*document["events"], unknown]}
            before = document

            document = change(before, rule)

            verification_after = decode(document)
            assert document["events"][: before["version"]] == before["events"]
            assert [event["version"] for event in document["events"]] == [*range(1, document["version"] + 1)]
            assert verification_after.version == document["version"]
            for version in range(-1, document["version"] + 1):
                shown = [event["version"] for event in document["events"] if event["version"] > version and event["type"] in EVENT_TYPES]
                assert [event.version for event in decode(document).events_after(version)] == shown


def test_the_schema_version_is_kept_whether_higher_or_missing() -> None:
    document = encode(a_verification())

    assert document["schema"] == 2
    assert change(document | {"schema": 7}, lambda it: noted(it, "event-2"))["schema"] == 7
    del document["schema"]
    assert "schema" not in change(document, lambda it: noted(it, "event-2"))


async def test_a_retry_neither_removes_nor_copies_unfamiliar_fields_of_the_previous_attempt(store: Store, verifications: Verifications) -> None:
    final = a_final_verification(FAILED_RESULT)
    document = encode(final) | {"riskScore": 0.7, "reference": 7}
    document["provider"]["region"] = "eu"
    await store.collection.insert_one(document)

    successor = await verifications.retry(final.id, lambda it, at: retried(it, at))

    [before, after] = [await store.collection.find_one({"_id": id}) for id in (final.id, successor.id)]
    assert before
    assert after
    assert (before["riskScore"], before["provider"]["region"], before["reference"], before["next"]) == (0.7, "eu", 7, successor.id)
    assert after.keys().isdisjoint({"riskScore", "reference"})
    assert after["provider"].keys() == {"name", "id", "url"}
    assert after["schema"] == 2


async def test_a_report_of_progress_keeps_the_fields_of_a_newer_release(store: Store, verifications: Verifications) -> None:
    added = await verifications.add(a_verification())
    await store.collection.update_one({"_id": added.id}, {"$set": {"riskScore": 0.7, "events.0.channel": "sms", "provider.region": "eu"}})
    before = await store.collection.find_one({"_id": added.id})

    await verifications.change(added.id, lambda it, at: it.progressed(Progress.LINK_OPENED, WINDOWS, later(minutes=1)))

    after = await store.collection.find_one({"_id": added.id})
    assert before
    assert after
    assert after == before | {
        "version": 2,
        "storedAt": after["storedAt"],
        "openedAt": later(minutes=1),
        "updatedAt": later(minutes=1),
        "linkExpiresAt": later(minutes=16),
        "due": later(minutes=16),
        "events": [*before["events"], {"version": 2, "type": "link_opened", "actor": "individual", "at": later(minutes=1)}],
    }


@pytest.mark.parametrize(
    ("provider", "left"),
    [
        ({"name": "sandbox", "url": "https://provider.example/ver_1", "region": "eu"}, {"name": "sandbox", "region": "eu"}),
        ({"name": "sandbox", "id": "id-1", "url": 7}, {"name": "sandbox", "id": "id-1"}),
        ("https://provider.example/ver_1", {}),
    ],
)
def test_anonymization_of_an_unreadable_provider_removes_only_its_link(provider: object, left: Document) -> None:
    document = encode(a_final_verification()) | {"provider": provider}

    assert change(document, lambda it: it.anonymized(Actor.INTEGRATOR, later(days=1)))["provider"] == left


async def test_an_instant_that_python_cannot_represent_is_stored_unchanged(store: Store, verifications: Verifications) -> None:
    added = await verifications.add(a_verification())
    far = bson.DatetimeMS(2**50)
    await store.collection.update_one({"_id": added.id}, {"$set": {"reviewedAt": far, "completedAt": far, "events.0.reviewedAt": far}})

    await verifications.change(added.id, lambda it, at: noted(it, "event-2"))

    document = await store.collection.find_one({"_id": added.id})
    assert document
    assert (document["version"], document["reviewedAt"], document["completedAt"], document["events"][0]["reviewedAt"]) == (2, far, far, far)


@pytest.mark.parametrize("rule", [lambda it: it, lambda it: noted(it, "event-2")])
def test_unchanged_values_are_not_encoded_again(rule: Rule) -> None:
    document = read_back(encode(a_final_verification(VERIFIED_RESULT)), NAIVE_INSTANTS)
    old = decode(document)

    written = documents.encode(rule(old), DATA_KEYS, old)

    assert document_of(old) is document
    assert all(written[name] is value for name, value in document.items() if name not in ("version", "updatedAt", "storedAt", "events"))
    assert all(after is before for after, before in zip(written["events"], document["events"], strict=False))
