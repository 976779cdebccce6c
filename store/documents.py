"""How a verification is kept: one document, with its whole history inside. What is absent is left out, never stored as null.

Who the person is stands sealed in it. Decoding doesn't open that, nor does it look what is there: whoever opens it does.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from domain.event import Actor, Event, EventType
from domain.identity import DeclaredIdentity, DocumentType, ExtractedDocument
from domain.status import Status
from domain.verification import Idempotency, Provider, Verification
from store.sealing import Keys, Sealed, sealed

Document = dict[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STATUSES = {status.value: status for status in Status}
EVENT_TYPES = {type.value: type for type in EventType}
ACTORS = {actor.value: actor for actor in Actor}
DOCUMENT_TYPES = {type.value: type for type in DocumentType}


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
    """The verification that a document holds."""
    get, home = document.get, (document["workspace"], document["_id"])
    idempotency, provider, declared, extracted = get("idempotency"), document["provider"], get("declared"), get("extracted")
    return Verification(
        id=document["_id"],
        workspace=document["workspace"],
        chain=document["chain"],
        attempt=document["attempt"],
        previous=get("previous"),
        next=get("next"),
        version=document["version"],
        status=STATUSES[document["status"]],
        reasons=tuple(document["reasons"]),
        reference=get("reference"),
        idempotency=idempotency and Idempotency(idempotency["key"], idempotency.get("fingerprint")),
        provider=Provider(provider["name"], provider["id"], provider.get("url")),
        declared=None if declared is None else Sealed(keys, (*home, "declared"), declared, decode_declared),
        extracted=None if extracted is None else Sealed(keys, (*home, "extracted"), extracted, decode_extracted),
        redirection_url=document["redirectionUrl"],
        face_recognition=document["faceRecognition"],
        created_at=document["createdAt"],
        updated_at=document["updatedAt"],
        expires_at=document["expiresAt"],
        opened_at=get("openedAt"),
        link_deadline=get("linkExpiresAt"),
        capture_started_at=get("captureStartedAt"),
        capture_completed_at=get("captureCompletedAt"),
        completed_at=get("completedAt"),
        anonymized_at=get("anonymizedAt"),
        events=tuple(map(decode_event, document["events"])),
    )


def decode_declared(document: Document) -> DeclaredIdentity:
    """The names that the integrator gave."""
    return DeclaredIdentity(document["firstName"], document["lastName"])


def decode_extracted(document: Document) -> ExtractedDocument:
    """What the provider read."""
    type = document.get("type")
    return ExtractedDocument(
        document.get("fullName"),
        document.get("bornOn"),
        type and DOCUMENT_TYPES[type],
        document.get("issuingCountryCode"),
        document.get("nationalIdentificationNumber"),
    )


def decode_event(document: Document) -> Event:
    """One entry of the history."""
    get = document.get
    from_status, to_status = get("from"), get("to")
    return Event(
        document["version"],
        EVENT_TYPES[document["type"]],
        ACTORS[document["actor"]],
        document["at"],
        from_status and STATUSES[from_status],
        to_status and STATUSES[to_status],
        tuple(get("reasons", ())),
        get("note"),
        get("sourceId"),
    )


def milliseconds(instant: datetime) -> int:
    """Since 1970 in UTC, as MongoDB counts."""
    return (instant - EPOCH) // timedelta(milliseconds=1)


def instant(milliseconds: int) -> datetime:
    """The aware instant. Raises: OverflowError where it lies beyond what a date can be."""
    return EPOCH + timedelta(milliseconds=milliseconds)
