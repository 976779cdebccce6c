"""How a verification is kept: one document, with its whole history inside. What is absent is left out, never stored as null.

Who the person is stands sealed in it. Decoding doesn't open that, nor does it look what is there: whoever opens it does.
"""

from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

from domain.event import Event
from domain.identity import DeclaredIdentity, ExtractedDocument
from domain.verification import Verification
from store.sealing import Keys, sealed
from store.view import EPOCH, KEPT, STATUSES, seen

Document = dict[str, Any]

required = itemgetter(*(kept.field for kept in KEPT.values() if kept.required))


def present(**fields: Any) -> Document:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def encode(verification: Verification, keys: Keys) -> Document:
    """The document of a verification. What came sealed and was not changed stays as it is, byte for byte."""
    idempotency, declared, extracted = verification.idempotency, verification.declared, verification.extracted
    home = verification.workspace, verification.id
    return present(
        _id=verification.id,
        workspace=verification.workspace,
        chain=verification.chain,
        attempt=verification.attempt,
        previous=verification.previous,
        next=verification.next,
        version=verification.version,
        status=verification.status.value,
        reasons=list(verification.reasons),
        reference=verification.reference,
        idempotency=idempotency and present(key=idempotency.key, fingerprint=idempotency.fingerprint),
        provider=present(name=verification.provider.name, id=verification.provider.id, url=verification.provider.url),
        declared=sealed(declared, keys, (*home, "declared"), encode_declared) if declared else None,
        extracted=sealed(extracted, keys, (*home, "extracted"), encode_extracted) if extracted else None,
        redirectionUrl=verification.redirection_url,
        faceRecognition=verification.face_recognition,
        createdAt=verification.created_at,
        updatedAt=verification.updated_at,
        expiresAt=verification.expires_at,
        openedAt=verification.opened_at,
        linkExpiresAt=verification.link_deadline,
        captureStartedAt=verification.capture_started_at,
        captureCompletedAt=verification.capture_completed_at,
        completedAt=verification.completed_at,
        anonymizedAt=verification.anonymized_at,
        due=verification.due,
        events=[encode_event(event) for event in verification.events],
    )


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


def decode(document: Document, keys: Keys) -> Verification:
    """The verification that a document holds.

    Raises: KeyError where a field is missing, or the status unheard of. What is wrong inside a field is found by whoever asks for it.
    """
    required(document)
    STATUSES[document["status"]]
    return seen(document, keys)


def milliseconds(instant: datetime) -> int:
    """Since 1970 in UTC, as MongoDB counts."""
    since = instant - EPOCH
    return since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000


def instant(milliseconds: int) -> datetime:
    """The aware instant. Raises: OverflowError where it lies beyond what a date can be."""
    return EPOCH + timedelta(milliseconds=milliseconds)
