"""How a verification is stored: one document, with its whole history inside. What is absent is left out, never stored as null.

Personal data are sealed in it. Decoding neither opens nor checks them.
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
from store.sealing import Keys, sealed
from store.stored_verification import EPOCH, KEPT, check, seen, stored

Document = dict[str, Any]
# What encodes an attribute that changed: of its value, what was stored before, and its verification.
Encode = Callable[[Any, Any, Verification, Keys], Any]

# The version of the documents' schema, in the field `schema`. A document without it has version 1.
SCHEMA = 1


def present(**fields: Any) -> Document:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def encode(verification: Verification, keys: Keys, old: Verification | None = None) -> Document:
    """The document of a verification; of one that a rule made of `old`, with all of the document of `old` that the rule did not change.

    What this release doesn't write stays as it stands there: other fields, at the top and in nested objects, events, and values that it can't read.
    """
    before = stored(old)
    document: Document = dict(before) if before else {"schema": SCHEMA}
    earlier = values(old) if before else repeat(None)
    for (field, encode_value), value, unchanged in zip(ENCODERS, values(verification), earlier, strict=False):
        if value == unchanged:
            continue
        # A value that can't be read is not copied into another document.
        if value is None or isinstance(value, BadDocument):
            document.pop(field, None)
        else:
            document[field] = encode_value(value, document.get(field), verification, keys) if encode_value else value
    added = verification.events_after(old.version) if before and old else verification.events
    document["events"] = [*(before.get("events") or ()), *map(encode_event, added)]
    return document


def over(before: Any, erasable: str, fields: Document) -> Document:
    """A nested object with these fields, and with all that it held before, apart from the field that a change may erase."""
    return {**{name: value for name, value in before.items() if name != erasable}, **fields} if isinstance(before, dict) else fields


def encode_idempotency(idempotency: Idempotency, before: Any, *_: Any) -> Document:
    """The document of an idempotency key."""
    return over(before, "fingerprint", present(key=idempotency.key, fingerprint=idempotency.fingerprint))


def encode_provider(provider: Provider, before: Any, *_: Any) -> Document:
    """The document of a provider."""
    return over(before, "url", present(name=provider.name or None, id=provider.id or None, url=provider.url))


def seal_declared(declared: Personal[DeclaredIdentity], _: Any, verification: Verification, keys: Keys) -> Any:
    """The envelope of the names that the integrator gave."""
    return sealed(declared, keys, (verification.workspace, verification.id, "declared"), encode_declared)


def seal_extracted(extracted: Personal[ExtractedDocument], _: Any, verification: Verification, keys: Keys) -> Any:
    """The envelope of what the provider read."""
    return sealed(extracted, keys, (verification.workspace, verification.id, "extracted"), encode_extracted)


def encode_declared(declared: DeclaredIdentity) -> Document:
    """The document of the names that the integrator gave."""
    return {"firstName": declared.first_name, "lastName": declared.last_name}


def encode_extracted(extracted: ExtractedDocument) -> Document:
    """The document of what the provider read."""
    return present(
        fullName=extracted.full_name,
        bornOn=extracted.born_on,
        type=extracted.type and extracted.type.value,
        issuingCountryCode=extracted.issuing_country_code,
        nationalIdentificationNumber=extracted.national_identification_number,
    )


def encode_event(event: Event) -> Document:
    """The document of an event. Its reasons are left out where there are none."""
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
# When the system acts next is derived, and stored as well, so that the sweeper finds it. Events are only added to.
FIELDS = {name: kept.field for name, kept in KEPT.items() if name != "events"} | {"due": "due"}
ENCODERS = [(field, ENCODED.get(name)) for name, field in FIELDS.items()]
values = attrgetter(*FIELDS)


def decode(document: Document, keys: Keys) -> Verification:
    """The verification that a document holds. Raises: BadDocument where none can be made of it."""
    check(document, keys)
    return seen(document, keys)


def milliseconds(instant: datetime) -> int:
    """Since 1970 in UTC, as MongoDB counts."""
    since = instant - EPOCH
    return since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000


def instant(milliseconds: int) -> datetime:
    """The aware instant. Raises: OverflowError where it lies beyond what a date can be."""
    return EPOCH + timedelta(milliseconds=milliseconds)
