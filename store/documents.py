"""Encodes verifications as MongoDB documents, and decodes them. Each verification is one document, which includes its whole history.

A missing value is left out, never stored as null. Personal data are stored encrypted; decoding a document neither decrypts nor checks them.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import repeat
from operator import attrgetter
from typing import Any

from bson.timestamp import Timestamp

from domain.errors import BadDocument
from domain.event import ClosingNote, Event
from domain.identity import DeclaredIdentity, ExtractedDocument, Personal
from domain.instant import EPOCH
from domain.request import Idempotency, ProviderReference
from domain.requirements import Requirements
from domain.verification import Verification
from store.decoding import CLOSING_NOTE
from store.driver import Document
from store.sealing import SealingKeys, sealed
from store.stored_verification import ATTRIBUTES, check_required, document_of, lazy_verification

# A function that encodes an attribute that changed. Arguments: the new value, the stored value that it replaces, the new verification, the keys.
Encode = Callable[[Any, Any, Verification, SealingKeys], Any]

# MongoDB replaces an empty timestamp at the top level of a document by the cluster's time when it stores the document. This time orders the changes
# of a workspace for feeds that resume: unlike `updatedAt`, it does not depend on the clocks of the gateways, nor on how long a write was under way.
UNSTAMPED = Timestamp(0, 0)

# The version of the schema of documents, which is stored in the field `schema`. A document without that field has version 1. What changed from one
# version to the next: store/upkeep/migrations.py.
SCHEMA = 2


def present(**fields: Any) -> Document:
    """A document of these fields, without those that are None."""
    return {name: value for name, value in fields.items() if value is not None}


def encode(verification: Verification, keys: SealingKeys, old: Verification | None = None) -> Document:
    """The MongoDB document of a verification. If the verification is a new state of `old`, all values that did not change are kept as stored.

    So no data of other releases are lost: unfamiliar fields at the top level and in nested objects, unfamiliar events, and unreadable values.
    """
    before = document_of(old)
    document: Document = dict(before) if before else {"schema": SCHEMA}
    earlier = values(old) if before else repeat(None)
    for (field, encode_value), value, unchanged in zip(ENCODERS, values(verification), earlier, strict=False):
        if value == unchanged:
            continue
        # A retry copies values of the attempt before it, and one of these may be a BadValue. A BadValue is left out, because it can't be encoded.
        if value is None or isinstance(value, BadDocument):
            document.pop(field, None)
        else:
            document[field] = encode_value(value, document.get(field), verification, keys) if encode_value else value
    added = verification.events_after(old.version) if before and old else verification.events
    document["storedAt"] = UNSTAMPED
    document["events"] = [*(before.get("events") or ()), *map(encode_event, added)]
    return document


def merged(before: Any, erasable: str, fields: Document) -> Document:
    """A nested object with `fields`, and with all other fields that it had before.

    The field whose name is `erasable` is not kept from before, because a change may remove its value.
    """
    return {**{name: value for name, value in before.items() if name != erasable}, **fields} if isinstance(before, dict) else fields


def encode_idempotency(idempotency: Idempotency, before: Any, *_: Any) -> Document:
    """The nested document with an idempotency key, and the fingerprint of the request that used it."""
    return merged(before, "fingerprint", present(key=idempotency.key, fingerprint=idempotency.fingerprint))


def encode_provider(provider: ProviderReference, before: Any, *_: Any) -> Document:
    """The nested document with the provider's name, its own id for the verification, and the link.

    An unreadable name or id stays as it was stored. An unreadable link is left out.
    """
    values: Document = {"name": provider.name or None, "id": provider.id, "url": provider.url}
    return merged(before, "url", present(**{field: value for field, value in values.items() if not isinstance(value, BadDocument)}))


def seal_declared(declared: Personal[DeclaredIdentity], _: Any, verification: Verification, keys: SealingKeys) -> Any:
    """The first and last name that the integrator declared, encrypted."""
    return sealed(declared, keys, (verification.workspace, verification.id, "declared"), encode_declared)


def seal_extracted(extracted: Personal[ExtractedDocument], _: Any, verification: Verification, keys: SealingKeys) -> Any:
    """The data that the provider extracted from the person's identity document, encrypted."""
    return sealed(extracted, keys, (verification.workspace, verification.id, "extracted"), encode_extracted)


def seal_closing_note(note: Personal[ClosingNote], _: Any, verification: Verification, keys: SealingKeys) -> Any:
    """The text that the integrator wrote when it closed the verification, encrypted."""
    return sealed(note, keys, (verification.workspace, verification.id, CLOSING_NOTE), lambda note: {"text": note.text})


def encode_declared(declared: DeclaredIdentity) -> Document:
    """The person's first and last name, as the integrator declared them: the document that is then encrypted."""
    return {"firstName": declared.first_name, "lastName": declared.last_name}


def encode_extracted(extracted: ExtractedDocument) -> Document:
    """The data that the provider extracted from the person's identity document: the MongoDB document that is then encrypted."""
    return present(
        fullName=extracted.full_name,
        bornOn=extracted.born_on,
        type=extracted.type and extracted.type.value,
        issuingCountryCode=extracted.issuing_country_code,
        nationalIdentificationNumber=extracted.national_identification_number,
    )


def encode_requirements(requirements: Requirements, *_: Any) -> Document:
    """The nested document of the integrator's requirements. It is not encrypted, because requirements are not personal data."""
    return present(
        minAge=requirements.min_age,
        maxAge=requirements.max_age,
        prohibitedCountries=list(requirements.prohibited_countries) or None,
        documentType=requirements.document_type and requirements.document_type.value,
        documentCountry=requirements.document_country,
        residenceCountry=requirements.residence_country,
        locale=requirements.locale,
    )


def encode_event(event: Event) -> Document:
    """The nested document of an event. An empty list of reasons is left out."""
    return present(
        version=event.version,
        type=event.type.value,
        actor=event.actor.value,
        at=event.at,
        **{"from": event.from_status and event.from_status.value},
        to=event.to_status and event.to_status.value,
        reasons=list(event.reasons) or None,
        note=event.note,
        sourceId=event.source_id,
    )


ENCODED: dict[str, Encode] = {
    "status": lambda status, *_: status.value,
    "reasons": lambda reasons, *_: list(reasons),
    "idempotency": encode_idempotency,
    "provider": encode_provider,
    "requirements": encode_requirements,
    "declared": seal_declared,
    "extracted": seal_extracted,
    "closing_note": seal_closing_note,
    "ignored_verdict": lambda status, *_: status.value,
}
# `due` is derived from other attributes. It is stored as well, so that the sweeper can query it. Events are not in this list, because `encode`
# handles them separately: they are only appended. The closing note, which belongs to one of them, has a field of its own.
FIELDS = {name: attribute.field for name, attribute in ATTRIBUTES.items() if name != "events"} | {"due": "due", "closing_note": CLOSING_NOTE}
ENCODERS = [(field, ENCODED.get(name)) for name, field in FIELDS.items()]
values = attrgetter(*FIELDS)


def decode(document: Document, keys: SealingKeys) -> Verification:
    """The verification that is stored in a document. Raises: BadDocument if a required value can't be read."""
    check_required(document, keys)
    return lazy_verification(document, keys)


def milliseconds(instant_at: datetime) -> int:
    """The instant as milliseconds since 1970 UTC, rounded down. MongoDB stores instants with this precision."""
    since = instant_at - EPOCH
    return since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000


def instant_at(milliseconds: int) -> datetime:
    """The instant that is this many milliseconds after the beginning of 1970 UTC. Raises: OverflowError if datetime can't represent it."""
    return EPOCH + timedelta(milliseconds=milliseconds)
