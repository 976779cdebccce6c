"""A verification that decodes its values from the stored document on first use."""

from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from operator import attrgetter, itemgetter
from typing import Any, Never

from domain.errors import BadDocument, BadValue
from domain.event import Event
from domain.verification import Provider, Verification
from store.bad_documents import UNREADABLE
from store.decoding import (
    STATUSES,
    Decode,
    decode_codes,
    decode_declared,
    decode_events,
    decode_extracted,
    decode_idempotency,
    decode_integer,
    decode_provider,
    decode_text,
    utc,
)
from store.driver import Document
from store.sealing import Keys, Open, Sealed

NO_PROVIDER = Provider("", "", None)

all_values = attrgetter(*(field.name for field in fields(Verification)))

ReadAttribute = Callable[[Document, Keys], Any]


class StoredVerification(Verification):
    """A verification that was read from MongoDB. It equals any verification with the same values.

    A rule makes an ordinary `Verification` of it.
    """

    __slots__ = ()

    def __new__(cls, **values: Any) -> Any:
        # Rules create the next state with `dataclasses.replace`, which calls the class of the current state.
        return Verification(**values)

    def __eq__(self, other: object) -> bool:
        return all_values(self) == all_values(other) if isinstance(other, Verification) else NotImplemented

    __hash__ = Verification.__hash__


def itself(bad: BadValue) -> BadValue:
    """The default of `on_bad_value`: the BadValue itself stands for a value that can't be read."""
    return bad


def refuse(value: object) -> Never:
    """Refuse a value of the wrong type. Raises: TypeError."""
    raise TypeError


class StoredAttribute(property):
    """An attribute of a verification: the field of the document that stores it, and how it is read.

    * `read` raises one of UNREADABLE if the value is missing or can't be represented, so that the usual case costs nothing extra.
    * `default` computes the value of a missing field from the other fields of the document.
    * `required_type` is the class under which a required value is stored; None if the value is optional.
    * `on_bad_value` computes the substitute of an optional value that can't be read.
    """

    def __init__(
        self,
        field: str,
        read: ReadAttribute,
        getter: Callable[["LazyVerification"], Any] | None = None,
        *,
        required_type: type | None = None,
        default: Callable[[Document], Any] | None = None,
        on_bad_value: Callable[[Any], Any] = itself,
    ) -> None:
        super().__init__(getter or self._get)
        self.field = field
        self.read = read
        self.required_type = required_type
        self.default = default
        self.on_bad_value = on_bad_value

    def value(self, document: Document, keys: Keys) -> Any:
        """The value, its default or its substitute. Raises: BadDocument if a required value can't be read."""
        try:
            return self.read(document, keys)
        except UNREADABLE:
            if self.default and document.get(self.field) is None:
                return self.default(document)
            if self.required_type:
                raise BadDocument(document.get("_id"), self.field, document.get("chain")) from None
            return self.on_bad_value(BadValue(document.get("_id"), self.field))

    def _get(self, verification: "LazyVerification") -> Any:
        try:
            return self.read(verification._document, verification._keys)
        except UNREADABLE:
            return self.value(verification._document, verification._keys)


class PlainAttribute(StoredAttribute):
    """A required attribute that needs no decoding."""


def plain_attribute(field: str, required_type: type, *, convert: Decode = refuse, default: Callable[[Document], Any] | None = None) -> Any:
    """A required attribute that needs no decoding; `convert` converts values of another type."""

    def read(document: Document, keys: Keys) -> Any:
        value = document[field]
        return value if value.__class__ is required_type else convert(value)

    return PlainAttribute(field, read, required_type=required_type, default=default)


def decoded_attribute(field: str, required_type: type, decode: Decode, *, default: Callable[[Document], Any] | None = None) -> Any:
    """A required attribute that is decoded from its field."""
    return StoredAttribute(field, lambda document, keys: decode(document[field]), required_type=required_type, default=default)


def optional_attribute(field: str, decode: Decode, *, default: Any = None, on_bad_value: Callable[[Any], Any] = itself) -> Any:
    """An optional attribute that is decoded from its field; the default if the field is missing."""

    def read(document: Document, keys: Keys) -> Any:
        value = document.get(field)
        return default if value is None else decode(value)

    return StoredAttribute(field, read, on_bad_value=on_bad_value)


def sealed_attribute(field: str, decode: Open) -> Any:
    """An optional attribute that stays sealed until it is opened; None if the field is missing."""

    def read(document: Document, keys: Keys) -> Any:
        envelope = document.get(field)
        return None if envelope is None else Sealed(keys, (document["workspace"], document["_id"], field), envelope, decode)

    return StoredAttribute(field, read)


def cached_attribute(field: str, required_type: type, decode: Callable[[Document], Any]) -> Any:
    """A required attribute that is decoded on first use and then cached, because it is used often and its decoding is slow."""

    def get(verification: "LazyVerification") -> Any:
        if verification._events is None:
            object.__setattr__(verification, "_events", attribute.value(verification._document, verification._keys))
        return verification._events

    attribute = StoredAttribute(field, lambda document, keys: decode(document), get, required_type=required_type)
    return attribute


class LazyVerification(StoredVerification):
    """A verification that holds its document, and decodes a value when it is used.

    This table is the only place that defines how each attribute is stored. A missing value reads as its default. A value that this release can't
    represent reads as a BadValue if the attribute may be null; otherwise the whole document is bad (`check_required`).
    """

    __slots__ = ("_document", "_events", "_events_after", "_keys")

    _document: Document
    _keys: Keys
    _events: Any
    _events_after: Any

    id = plain_attribute("_id", str)
    workspace = plain_attribute("workspace", str)
    chain = plain_attribute("chain", str, default=lambda document: document["_id"])
    attempt = plain_attribute("attempt", int, convert=decode_integer, default=lambda document: 1)
    previous = optional_attribute("previous", decode_text)
    next = optional_attribute("next", decode_text)
    version = plain_attribute("version", int, convert=decode_integer)
    status = decoded_attribute("status", str, STATUSES.__getitem__)
    reasons = decoded_attribute("reasons", list, decode_codes, default=lambda document: ())
    reference = optional_attribute("reference", decode_text)
    # No API field shows it, so one that can't be read counts as missing.
    idempotency = optional_attribute("idempotency", decode_idempotency, on_bad_value=lambda bad: None)
    # The API shows only the provider's link.
    provider = optional_attribute("provider", decode_provider, default=NO_PROVIDER, on_bad_value=lambda bad: Provider("", "", bad))
    declared = sealed_attribute("declared", decode_declared)
    extracted = sealed_attribute("extracted", decode_extracted)
    redirection_url = plain_attribute("redirectionUrl", str)
    face_recognition = plain_attribute("faceRecognition", bool, default=lambda document: False)
    created_at = decoded_attribute("createdAt", datetime, utc)
    updated_at = decoded_attribute("updatedAt", datetime, utc)
    expires_at = decoded_attribute("expiresAt", datetime, utc)
    opened_at = optional_attribute("openedAt", utc)
    link_deadline = optional_attribute("linkExpiresAt", utc)
    capture_started_at = optional_attribute("captureStartedAt", utc)
    capture_completed_at = optional_attribute("captureCompletedAt", utc)
    completed_at = optional_attribute("completedAt", utc)
    anonymized_at = optional_attribute("anonymizedAt", utc)
    events = cached_attribute("events", list, decode_events)

    def events_after(self, version: int) -> tuple[Event, ...]:
        """The events after a version, oldest first. Only these are decoded, once for all subscribers that have received the same version."""
        if version <= 0 or self._events is not None:
            return super().events_after(version)
        if self._events_after is None or self._events_after[0] != version:
            object.__setattr__(self, "_events_after", (version, decode_events(self._document, version)))
        events: tuple[Event, ...] = self._events_after[1]
        return events


ATTRIBUTES: dict[str, StoredAttribute] = {name: member for name, member in vars(LazyVerification).items() if isinstance(member, StoredAttribute)}
REQUIRED = [attribute for attribute in ATTRIBUTES.values() if attribute.required_type]
REQUIRED_TYPES = tuple(attribute.required_type for attribute in REQUIRED)
required_values = itemgetter(*(attribute.field for attribute in REQUIRED))


def check_required(document: Document, keys: Keys) -> None:
    """Check that the whole document can be read as a verification. Raises: BadDocument if a required value can't be read."""
    try:
        if tuple(map(type, required_values(document))) == REQUIRED_TYPES and document["status"] in STATUSES:
            return
    except KeyError:
        pass
    for attribute in REQUIRED:
        attribute.value(document, keys)


def lazy_verification(document: Document, keys: Keys) -> LazyVerification:
    """The verification of a whole document that was checked. It decodes nothing yet."""
    verification: LazyVerification = object.__new__(LazyVerification)
    put = object.__setattr__
    put(verification, "_document", document)
    put(verification, "_keys", keys)
    put(verification, "_events", None)
    put(verification, "_events_after", None)
    return verification


def document_of(verification: Verification | None) -> Document:
    """The document from which the verification was read; an empty one if it was not read from a document."""
    return verification._document if isinstance(verification, LazyVerification) else {}
