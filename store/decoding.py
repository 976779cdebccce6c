"""Decoders: functions that convert the values of a stored document to the values of the domain.

A decoder raises one of `UNREADABLE` if a value is missing, or if this release can't represent it.
"""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from bson.datetime_ms import DatetimeMS

from domain.errors import BadValue
from domain.event import Actor, ClosingNote, Event, EventType
from domain.identity import DeclaredIdentity, DocumentType, ExtractedDocument
from domain.instant import EPOCH
from domain.request import Idempotency, ProviderReference
from domain.requirements import Requirements
from domain.status import Status
from store.bad_documents import UNREADABLE
from store.driver import Document
from store.sealing import Sealed, SealingKeys

STATUS_OF = {status.value: status for status in Status}
EVENT_TYPES = {type.value: type for type in EventType}
ACTORS = {actor.value: actor for actor in Actor}
DOCUMENT_TYPES = {type.value: type for type in DocumentType}

NAIVE_EPOCH = EPOCH.replace(tzinfo=None)
EARLIEST, LATEST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_000, UTC)
# The field with the encrypted text that the integrator wrote when it closed the verification. The text is not stored in the closing event, because
# anonymization must remove the text, and stored events never change.
CLOSING_NOTE = "closingNote"
# The largest value of GraphQL's Int, which has 32 bits.
MAX_INT = 2**31 - 1

Decode = Callable[[Any], Any]


def decode_text(value: Any) -> str:
    """The value, if it is a text. Raises: TypeError if it is not."""
    if value.__class__ is not str:
        raise TypeError
    text: str = value
    return text


def decode_integer(number: Any) -> int:
    """The integer, which may be stored as one of BSON's types for integers, or as a double without a fraction.

    Raises: TypeError, ValueError or OverflowError if the value is not an integer of 32 bits.
    """
    if number.__class__ is bool or not isinstance(number, int | float) or number != int(number) or abs(number) > MAX_INT:
        raise TypeError
    return int(number)


def utc(instant: Any) -> datetime:
    """The stored instant as a datetime in UTC, with its time zone.

    The driver could add the time zone, but takes ten times as long, and would do so for instants that no operation reads. An instant that Python
    can't represent becomes the earliest or the latest instant that Python can represent.

    Raises: AttributeError if the value is not an instant.
    """
    try:
        aware: datetime = instant if instant.tzinfo else EPOCH + (instant - NAIVE_EPOCH)
        return aware
    except AttributeError:
        if not isinstance(instant, DatetimeMS):
            raise
        return LATEST if int(instant) > 0 else EARLIEST


def decode_codes(codes: Any) -> tuple[str, ...]:
    """The reason codes, without entries that are not text. Raises: TypeError if the value is not a list."""
    if codes.__class__ is not list:
        raise TypeError
    try:
        # `join` is only called to check the entries: it raises TypeError if one of them is not a text, and is faster than a loop in Python.
        "".join(codes)
    except TypeError:
        return tuple(code for code in codes if code.__class__ is str)
    return tuple(codes)


REQUIREMENT_FIELDS: dict[str, tuple[str, Decode]] = {
    "minAge": ("min_age", decode_integer),
    "maxAge": ("max_age", decode_integer),
    "documentType": ("document_type", DOCUMENT_TYPES.__getitem__),
    "documentCountry": ("document_country", decode_text),
    "residenceCountry": ("residence_country", decode_text),
    "locale": ("locale", decode_text),
}


def decode_events(document: Document, keys: SealingKeys, after: int = 0) -> tuple[Event, ...]:
    """The events with a higher version than `after`. Events that this release can't represent are left out; the others keep their versions.

    Raises: TypeError if the events are not a list.
    """
    events, envelope = plain_events(document, after), document.get(CLOSING_NOTE)
    if envelope is None:
        return events
    note = Sealed(keys, (document["workspace"], document["_id"], CLOSING_NOTE), envelope, decode_closing_note)
    return tuple([replace(event, closing_note=note) if event.closes else event for event in events])


def plain_events(document: Document, after: int) -> tuple[Event, ...]:
    """The events with a higher version than `after`, without the closing note. Raises: TypeError if the events are not a list."""
    events = document.get("events")
    if events is None:
        return ()
    if events.__class__ is not list:
        raise TypeError
    try:
        return tuple(map(decode_event, islice(events, max(after - count_missing_events(document), 0), None) if after else events))
    except UNREADABLE:
        missing = count_missing_events(document)
        readable = (readable_event(event, missing + number, document.get("_id")) for number, event in enumerate(events, 1))
        return tuple([event for event in readable if event and event.version > after])


def count_missing_events(document: Document) -> int:
    """How many of the oldest events are missing in the document.

    Every version has one event. So if no event is missing, the document has as many events as its version says. The difference is the number of
    missing events.
    """
    version = document.get("version")
    return max(int(version) - len(document["events"]), 0) if isinstance(version, int | float) else 0


new_object = object.__new__
set_version, set_type, set_actor, set_at, set_from_status, set_to_status, set_reasons, set_note, set_source_id, set_closing_note = (
    vars(Event)[field.name].__set__ for field in fields(Event)
)


def decode_event(document: Document) -> Event:
    """The event that is stored in this nested document. Raises: one of UNREADABLE if there is a value that this release can't represent."""
    get = document.get
    version, from_status, to_status, codes, note = document["version"], get("from"), get("to"), get("reasons"), get("note")
    if version.__class__ is not int or (note is not None and note.__class__ is not str):
        raise TypeError
    event = new_object(Event)
    # Set the attributes of the event directly, because the constructor of a frozen dataclass would take as long as the rest of the decoding.
    set_version(event, version)
    set_type(event, EVENT_TYPES[document["type"]])
    set_actor(event, ACTORS[document["actor"]])
    set_at(event, utc(document["at"]))
    set_from_status(event, None if from_status is None else STATUS_OF[from_status])
    set_to_status(event, None if to_status is None else STATUS_OF[to_status])
    set_reasons(event, decode_codes(codes) if codes else ())
    set_note(event, note)
    set_source_id(event, get("sourceId"))
    set_closing_note(event, None)
    return event


def readable_event(document: Any, version: int, verification_id: object) -> Event | None:
    """The event, with a BadValue for each optional value that can't be read; None if a required value can't be read.

    `version`: the number of the event in the history. It is used if the event itself contains no version.
    """

    def optional_value(field: str, decode: Decode) -> Any:
        return value_or_bad(document, field, decode, verification_id, f"events.{field}")

    try:
        return Event(
            decode_integer(document.get("version", version)),
            EVENT_TYPES[document["type"]],
            ACTORS[document["actor"]],
            utc(document["at"]),
            optional_value("from", STATUS_OF.__getitem__),
            optional_value("to", STATUS_OF.__getitem__),
            decode_codes(document["reasons"]) if document.get("reasons") else (),
            optional_value("note", decode_text),
            document.get("sourceId"),
        )
    except UNREADABLE:
        return None


def decode_idempotency(document: Document) -> Idempotency:
    """The idempotency key of the request that created the verification, and the fingerprint (a keyed hash) of that request's input."""
    return Idempotency(decode_text(document["key"]), document.get("fingerprint"))


def decode_provider(document: Document, verification_id: object) -> ProviderReference:
    """The provider's name, its own id for the verification, and the link, with a BadValue for each value that can't be read.

    Raises: TypeError if the value is not an object.
    """
    if not isinstance(document, dict):
        raise TypeError
    name, id, url = document.get("name"), document.get("id"), document.get("url")
    if name.__class__ is str and (id is None or id.__class__ is str) and (url is None or url.__class__ is str):
        return ProviderReference(name, id, url)
    bad: Any = BadValue(verification_id, "provider.name")
    return ProviderReference(
        name if name.__class__ is str else bad,
        value_or_bad(document, "id", decode_text, verification_id, "provider.id"),
        value_or_bad(document, "url", decode_text, verification_id, "provider.url"),
    )


def decode_requirements(document: Document) -> Requirements:
    """The integrator's requirements.

    Raises: one of UNREADABLE if any requirement can't be read, because the provider must not verify the person without that requirement.
    """
    values = {name: None if document.get(field) is None else decode(document[field]) for field, (name, decode) in REQUIREMENT_FIELDS.items()}
    return Requirements(**values, prohibited_countries=tuple(map(decode_text, document.get("prohibitedCountries") or ())))


def decode_declared(content: Document, verification_id: str) -> DeclaredIdentity:
    """The person's first and last name, as the integrator declared them, from the decrypted document."""
    return DeclaredIdentity(decode_text(content["firstName"]), decode_text(content["lastName"]))


def decode_closing_note(content: Document, verification_id: str) -> ClosingNote:
    """The text that the integrator wrote when it closed the verification, from the decrypted document."""
    return ClosingNote(decode_text(content["text"]))


def decode_extracted(content: Document, verification_id: str) -> ExtractedDocument:
    """The data that the provider extracted from the person's identity document, from the decrypted MongoDB document."""

    def optional_value(field: str, decode: Decode = decode_text) -> Any:
        return value_or_bad(content, field, decode, verification_id, f"extracted.{field}")

    return ExtractedDocument(
        optional_value("fullName"),
        optional_value("bornOn"),
        optional_value("type", DOCUMENT_TYPES.__getitem__),
        optional_value("issuingCountryCode"),
        optional_value("nationalIdentificationNumber"),
    )


def value_or_bad(document: Document, field: str, decode: Decode, verification_id: object, stored_field: str) -> Any:
    """The decoded value of a field in a nested document; None if the field is missing; a BadValue with `stored_field` if the value can't be read."""
    try:
        value = document.get(field)
        return None if value is None else decode(value)
    except UNREADABLE:
        return BadValue(verification_id, stored_field)
