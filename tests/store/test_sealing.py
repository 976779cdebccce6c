"""Tests of the encryption of personal data: no stored document reveals who the person is."""

from dataclasses import replace
from typing import Any

import bson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.event import Progress
from domain.identity import DeclaredIdentity, ExtractedDocument
from domain.request import Idempotency, RetryRequest
from domain.result import Result
from domain.status import Status
from domain.verification import Verification
from store import documents
from store.driver import Document
from store.sealing import LENGTH_STEP, Sealed, SealingKeys, Unopenable
from store.verifications import Store, Verifications
from tests.company import Company
from tests.factories import FAILED_RESULT, JEANNE, NOON, PASSPORT, VERIFIED_RESULT, WINDOWS, a_final_verification, a_provider, a_verification, an_id
from tests.histories import documents as extracted_documents
from tests.histories import names, texts
from tests.storing import DATA_KEY, DATA_KEYS, decode, encode

OTHER_KEY = bytes(range(32, 64))
HOME = ("acme", "ver_1", "declared")
# The values of `JEANNE` and `PASSPORT` that identify the person.
PERSON = ("Jeanne", "Moreau", "1990-01-23", "900123456789012")


async def raw(store: Store, id: str) -> Document:
    """The document with this id, read directly from MongoDB."""
    found = await store.collection.find_one({"_id": id})
    assert found
    return found


def revealed(document: Any) -> list[str]:
    """The values of PERSON that the bytes of a document contain unencrypted, in UTF-8 or UTF-16."""
    whole = bson.encode(document)
    return [text for text in PERSON if text.encode() in whole or text.encode("utf-16-le") in whole]


@settings(max_examples=50)
@given(names, st.none() | extracted_documents, texts, texts)
def test_sealed_data_are_the_same_when_they_are_opened(
    declared: DeclaredIdentity, extracted: ExtractedDocument | None, id: str, workspace: str
) -> None:
    verification = a_verification(id=id, workspace=workspace, declared=declared).concluded(Result.reported(Status.VERIFIED, [], extracted), NOON)

    found = decode(bson.decode(bson.encode(encode(verification))))

    assert found.declared
    assert found.declared.open() == declared
    assert (found.extracted.open() if found.extracted else None) == extracted


async def test_no_personal_data_are_readable_in_the_database(store: Store, verifications: Verifications) -> None:
    added = await verifications.add(a_final_verification(VERIFIED_RESULT, idempotency=Idempotency("key-1", "fingerprint")))

    document = await raw(store, added.id)

    assert revealed(document) == []
    assert document["declared"].keys() == document["extracted"].keys() == {"key", "nonce", "data"}
    assert document["declared"]["key"] == "test"
    assert len(document["declared"]["nonce"]) == 12
    assert revealed({"plain": documents.encode_declared(JEANNE)} | documents.encode_extracted(PASSPORT)) == [*PERSON]


async def test_personal_data_sent_to_a_gateway_are_not_readable_in_its_database(company: Company) -> None:
    id = await company.created(idempotencyKey="key-1")
    document = {"fullName": "Jeanne Moreau", "bornOn": "1990-01-23", "nationalIdentificationNumber": "900123456789012"}
    await company.result(id, "FAILED", "IDVV_2101", extractedDocument=document)
    await company.retry(id)

    assert [revealed(document) for document in company.kept()] == [[], []]


def test_equal_names_have_different_envelopes() -> None:
    envelopes = [DATA_KEYS.seal(HOME, {"firstName": "Jeanne"}) for _ in range(100)]

    assert len({envelope["nonce"] for envelope in envelopes}) == len({envelope["data"] for envelope in envelopes}) == 100


def test_the_length_of_an_envelope_reveals_the_length_of_its_content_only_roughly() -> None:
    lengths = {len(DATA_KEYS.seal(HOME, {"firstName": "J" * size})["data"]) for size in range(1, 2 * LENGTH_STEP)}

    assert lengths == {steps * LENGTH_STEP + 16 for steps in (1, 2, 3)}


@pytest.mark.parametrize("home", [("other", "ver_1", "declared"), ("acme", "ver_2", "declared"), ("acme", "ver_1", "extracted")])
def test_an_envelope_cannot_be_opened_elsewhere(home: tuple[str, str, str]) -> None:
    envelope = DATA_KEYS.seal(HOME, {"firstName": "Jeanne"})

    assert DATA_KEYS.open(HOME, envelope) == {"firstName": "Jeanne"}
    with pytest.raises(Unopenable):
        DATA_KEYS.open(home, envelope)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda it: it | {"key": "unfamiliar"}, id="an unknown key"),
        pytest.param(lambda it: it | {"key": "other"}, id="another key"),
        pytest.param(lambda it: it | {"key": ["test"]}, id="a list of keys"),
        pytest.param(lambda it: it | {"nonce": bytes(12)}, id="another nonce"),
        pytest.param(lambda it: it | {"nonce": b""}, id="no nonce"),
        pytest.param(lambda it: it | {"nonce": "n" * 12}, id="a nonce of text"),
        pytest.param(lambda it: it | {"data": it["data"][:-1]}, id="cut"),
        pytest.param(lambda it: it | {"data": it["data"][:-1] + bytes([it["data"][-1] ^ 1])}, id="a bit of the tag"),
        pytest.param(lambda it: it | {"data": bytes([it["data"][0] ^ 1]) + it["data"][1:]}, id="a bit of the data"),
        pytest.param(lambda it: it | {"data": b""}, id="no data"),
        pytest.param(lambda it: {"key": "test"}, id="a key alone"),
        pytest.param(lambda it: {"firstName": "Jeanne", "lastName": "Moreau"}, id="not sealed at all"),
        pytest.param(lambda it: it["data"], id="data alone"),
        pytest.param(lambda it: 7, id="a number"),
    ],
)
def test_a_damaged_envelope_cannot_be_opened_and_its_error_reveals_no_content(damage: Any) -> None:
    keys = SealingKeys({"test": DATA_KEY, "other": OTHER_KEY})
    envelope = damage(keys.seal(HOME, {"firstName": "Jeanne", "lastName": "Moreau"}))

    with pytest.raises(Unopenable) as unopenable:
        keys.open(HOME, envelope)

    bad = unopenable.value
    id = envelope["key"] if isinstance(envelope, dict) and isinstance(envelope.get("key"), str) else "unknown"
    assert (bad.verification_id, bad.stored_field, bad.code) == ("ver_1", "declared", "BAD_DOCUMENT")
    assert bad.cause.startswith(f"can't be opened with the key {id} (")
    assert not any(text in bad.cause + repr(bad) for text in PERSON)


def test_an_error_shows_only_valid_key_ids() -> None:
    with pytest.raises(Unopenable) as unopenable:
        DATA_KEYS.open(HOME, {"key": "Jeanne Moreau"})

    assert unopenable.value.cause == "can't be opened with the key unknown (KeyError)"


def test_after_a_rotation_the_new_key_seals_and_the_old_key_still_opens() -> None:
    old, both, new = SealingKeys({"test": DATA_KEY}), SealingKeys({"new": OTHER_KEY, "test": DATA_KEY}), SealingKeys({"new": OTHER_KEY})
    before = documents.encode(a_verification(), old)

    rotated = documents.decode(before, both)
    retry = documents.encode(rotated.concluded(FAILED_RESULT, NOON).retried(an_id(), RetryRequest(), a_provider("1"), WINDOWS, NOON)[1], both)

    assert rotated.declared == JEANNE
    assert documents.encode(rotated, both)["declared"] == before["declared"]
    assert retry["declared"]["key"] == "new"
    assert documents.decode(retry, new).declared == JEANNE


async def test_unrelated_changes_leave_envelopes_unchanged(store: Store, verifications: Verifications) -> None:
    added = await verifications.add(a_verification())
    before = await raw(store, added.id)

    await verifications.change(added.id, lambda it, at: it.progressed(Progress.CAPTURE_COMPLETED, WINDOWS, at))
    await verifications.change(added.id, lambda it, at: it.concluded(Result.reported(Status.FAILED, ["IDVV_2101"], PASSPORT), at))
    concluded = await raw(store, added.id)
    await verifications.retry(added.id, lambda it, at: it.retried(an_id(), RetryRequest(), a_provider("2"), WINDOWS, at))
    after = await raw(store, added.id)

    assert before["declared"] == concluded["declared"] == after["declared"]
    assert concluded["extracted"] == after["extracted"]
    assert (before["version"], concluded["version"], after["version"]) == (1, 3, 4)


def test_sealed_data_copied_from_another_verification_are_sealed_again() -> None:
    first, second = decode(encode(a_verification())), decode(encode(a_verification()))
    moved = encode(replace(second, declared=first.declared))

    assert decode(moved).declared == JEANNE


async def test_a_verification_with_an_unopenable_envelope_can_be_changed(store: Store, verifications: Verifications) -> None:
    added = await verifications.add(a_final_verification())
    await store.collection.update_one({"_id": added.id}, {"$set": {"declared.key": "gone"}})
    before = await raw(store, added.id)

    late = await verifications.change(added.id, lambda it, at: it.concluded(VERIFIED_RESULT, at))
    retry = await verifications.retry(added.id, lambda it, at: it.retried(an_id(), RetryRequest("Ada", "Byron"), a_provider("3"), WINDOWS, at))

    assert late.version == 3
    assert (await raw(store, added.id))["declared"] == before["declared"]
    assert retry.declared == DeclaredIdentity("Ada", "Byron")


def test_reading_a_verification_opens_nothing() -> None:
    document = encode(a_final_verification(VERIFIED_RESULT)) | {"declared": 7, "extracted": {"key": "gone"}}

    verification = decode(document)

    assert isinstance(verification.declared, Sealed)
    assert isinstance(verification.extracted, Sealed)
    assert encode(verification) == document
    with pytest.raises(Unopenable):
        verification.declared.open()


def test_the_representation_of_sealed_data_reveals_nothing() -> None:
    verification: Verification = decode(encode(a_final_verification(VERIFIED_RESULT)))

    assert not any(text in repr(verification) for text in PERSON)
    assert "nonce" not in repr(verification)


async def test_an_anonymized_verification_has_no_envelope(company: Company) -> None:
    id = await company.created(idempotencyKey="key-1")
    await company.result(id, "VERIFIED", extractedDocument={"fullName": "Jeanne Moreau"})
    [before] = company.kept()

    await company.anonymize(id)

    [after] = company.kept()
    whole = bson.encode(after)
    assert not {"declared", "extracted"} & after.keys()
    assert after["idempotency"] == {"key": "key-1"}
    assert "url" not in after["provider"]
    for envelope in (before["declared"], before["extracted"]):
        assert envelope["nonce"] not in whole
        assert envelope["data"] not in whole
