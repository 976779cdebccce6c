"""Verifications as documents: each is one document that includes its whole history. A missing value is left out, never stored as null.

Personal data are sealed. Decoding a document neither opens nor checks them.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import repeat
from operator import attrgetter
from typing import Any

from domain.errors import BadDocument
from domain.event import Event
from domain.identity import DeclaredIdentity, ExtractedDocument, Personal
from domain.verification import Idempotency, Provider, Verification
from store.decoding import EPOCH
from store.sealing import Keys, sealed
from store.stored_verification import ATTRIBUTES, check_required, document_of, lazy_verification

Document = dict[str, Any]
# Encodes an attribute that changed. Arguments: the value, the previously stored value of the field, the verification, the keys.
Encode = Callable[[Any, Any, Verification, Keys], Any]

# The version of the documents' schema, stored in the field `schema`. A document without that field has version 1.
SCHEMA = 1


def present(**fields: Any) -> Document:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def encode(verification: Verification, keys: Keys, old: Verification | None = None) -> Document:
    """The document of a verification. If a rule made it from `old`, everything in the document of `old` that the rule did not change is kept.

    This preserves what this release does not write: unfamiliar fields, at the top level and in nested objects, events, and unreadable values.
    """
    before = document_of(old)
    document: Document = dict(before) if before else {"schema": SCHEMA}
    earlier = values(old) if before else repeat(None)
    for (field, encode_value), value, unchanged in zip(ENCODERS, values(verification), earlier, strict=False):
        if value == unchanged:
            continue
        # An unreadable value is not copied into another document.
        if value is None or isinstance(value, BadDocument):
            document.pop(field, None)
        else:
            document[field] = encode_value(value, document.get(field), verification, keys) if encode_value else value
    added = verification.events_after(old.version) if before and old else verification.events
    document["events"] = [*(before.get("events") or ()), *map(encode_event, added)]
    return document


def merged(before: Any, erasable: str, fields: Document) -> Document:
    """A nested object with these fields and all its previous ones, except the `erasable` field, which a change may remove."""
    return {**{name: value for name, value in before.items() if name != erasable}, **fields} if isinstance(before, dict) else fields


def encode_idempotency(idempotency: Idempotency, before: Any, *_: Any) -> Document:
    """The document of an idempotency key."""
    return merged(before, "fingerprint", present(key=idempotency.key, fingerprint=idempotency.fingerprint))


def encode_provider(provider: Provider, before: Any, *_: Any) -> Document:
    """The document of a provider."""
    return merged(before, "url", present(name=provider.name or None, id=provider.id or None, url=provider.url))


def seal_declared(declared: Personal[DeclaredIdentity], _: Any, verification: Verification, keys: Keys) -> Any:
    """The envelope of the names that the integrator declared."""
    return sealed(declared, keys, (verification.workspace, verification.id, "declared"), encode_declared)


def seal_extracted(extracted: Personal[ExtractedDocument], _: Any, verification: Verification, keys: Keys) -> Any:
    """The envelope of the data that the provider extracted."""
    return sealed(extracted, keys, (verification.workspace, verification.id, "extracted"), encode_extracted)


def encode_declared(declared: DeclaredIdentity) -> Document:
    """The names that the integrator declared, before they are sealed."""
    return {"firstName": declared.first_name, "lastName": declared.last_name}


def encode_extracted(extracted: ExtractedDocument) -> Document:
    """The data that the provider extracted, before they are sealed."""
    return present(
        fullName=extracted.full_name,
        bornOn=extracted.born_on,
        type=extracted.type and extracted.type.value,
        issuingCountryCode=extracted.issuing_country_code,
        nationalIdentificationNumber=extracted.national_identification_number,
    )


def encode_event(event: Event) -> Document:
    """The document of an event. Empty reasons are left out."""
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
    "declared": seal_declared,
    "extracted": seal_extracted,
}
# `due` is derived, and stored as well, so that the sweeper finds it. Events are encoded separately, since they are only appended.
FIELDS = {name: attribute.field for name, attribute in ATTRIBUTES.items() if name != "events"} | {"due": "due"}
ENCODERS = [(field, ENCODED.get(name)) for name, field in FIELDS.items()]
values = attrgetter(*FIELDS)


def decode(document: Document, keys: Keys) -> Verification:
    """The verification that is stored in a document. Raises: BadDocument if it can't be read."""
    check_required(document, keys)
    return lazy_verification(document, keys)


def milliseconds(instant: datetime) -> int:
    """The milliseconds since 1970 UTC, as MongoDB stores instants."""
    since = instant - EPOCH
    return since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000


def instant(milliseconds: int) -> datetime:
    """The instant of these milliseconds since 1970 UTC, aware. Raises: OverflowError if it is outside the range of datetime."""
    return EPOCH + timedelta(milliseconds=milliseconds)
