"""Verifications that were read from MongoDB. They keep the MongoDB document, and decode a value only when it is used."""

from dataclasses import fields
from operator import attrgetter, itemgetter
from typing import Any

from domain.event import Event
from domain.request import ProviderReference
from domain.verification import Verification
from store.attributes import (
    StoredAttribute,
    cached_attribute,
    codes_attribute,
    decoded_attribute,
    instant_attribute,
    optional_attribute,
    optional_instant_attribute,
    optional_text_attribute,
    plain_attribute,
    sealed_attribute,
)
from store.decoding import (
    CLOSING_NOTE,
    STATUS_OF,
    decode_declared,
    decode_events,
    decode_extracted,
    decode_idempotency,
    decode_integer,
    decode_provider,
    decode_requirements,
)
from store.driver import Document
from store.sealing import SealingKeys

# The field that counts how often a document was rewritten without a change of the verification (store/upkeep/rewriting.py). It may be absent.
REWRITES = "rewrites"
# The provider of a document that has none. The API shows it as null.
NO_PROVIDER = ProviderReference("", None, None)

all_values = attrgetter(*(field.name for field in fields(Verification)))


def read_provider(document: Document, keys: SealingKeys) -> ProviderReference:
    """Decode the field `provider` of a document; NO_PROVIDER if it is absent or null. Raises: TypeError if it holds no embedded document."""
    provider = document.get("provider")
    return NO_PROVIDER if provider is None else decode_provider(provider, document.get("_id"))


class StoredVerification(Verification):
    """A verification that was read from MongoDB. It equals any verification with the same values.

    Applying a rule to it (such as `concluded`) returns an ordinary `Verification`.
    """

    __slots__ = ()

    def __new__(cls, **values: Any) -> Any:
        # Rules create the next state with `dataclasses.replace`, which calls the class of the current state: this class. The next state has no
        # MongoDB document yet, so it is an ordinary verification.
        return Verification(**values)

    def __eq__(self, other: object) -> bool:
        return all_values(self) == all_values(other) if isinstance(other, Verification) else NotImplemented

    __hash__ = Verification.__hash__


class LazyVerification(StoredVerification):
    """A verification that keeps its whole MongoDB document, and decodes a value only when it is used.

    The list of attributes below is the only place that defines how each attribute is stored. A missing value reads as its default, if it has one.
    An unreadable optional value reads as its substitute, by default a BadValue. If a required value can't be read, the whole document is bad
    (`check_required`).
    """

    __slots__ = ("_document", "_events", "_events_after", "_keys")

    _document: Document
    _keys: SealingKeys
    _events: Any
    _events_after: Any

    id = plain_attribute("_id", str)
    workspace = plain_attribute("workspace", str)
    chain = plain_attribute("chain", str, default=lambda document: document["_id"])
    attempt = plain_attribute("attempt", int, convert=decode_integer, default=lambda document: 1)
    previous = optional_text_attribute("previous")
    next = optional_text_attribute("next")
    version = plain_attribute("version", int, convert=decode_integer)
    status = decoded_attribute("status", str, STATUS_OF.__getitem__)
    reasons = codes_attribute("reasons")
    reference = optional_text_attribute("reference")
    # No field of the API shows the idempotency key. So an unreadable key needs no error: it counts as missing.
    idempotency = optional_attribute("idempotency", decode_idempotency, on_bad_value=lambda bad: None)
    provider = StoredAttribute("provider", read_provider, on_bad_value=lambda bad: ProviderReference(bad, bad, bad))
    declared = sealed_attribute("declared", decode_declared)
    extracted = sealed_attribute("extracted", decode_extracted)
    redirection_url = plain_attribute("redirectionUrl", str)
    face_recognition = plain_attribute("faceRecognition", bool, default=lambda document: False)
    requirements = optional_attribute("requirements", decode_requirements)
    created_at = instant_attribute("createdAt")
    updated_at = instant_attribute("updatedAt")
    expires_at = instant_attribute("expiresAt")
    opened_at = optional_instant_attribute("openedAt")
    link_deadline = optional_instant_attribute("linkExpiresAt")
    capture_started_at = optional_instant_attribute("captureStartedAt")
    capture_completed_at = optional_instant_attribute("captureCompletedAt")
    completed_at = optional_instant_attribute("completedAt")
    anonymized_at = optional_instant_attribute("anonymizedAt")
    # Only `billable` depends on the ignored verdict. An unreadable one counts as missing.
    ignored_verdict = optional_attribute("ignoredVerdict", STATUS_OF.__getitem__, on_bad_value=lambda bad: None)
    events = cached_attribute("events", list, decode_events, also_reads=(CLOSING_NOTE,))

    def events_after(self, version: int) -> tuple[Event, ...]:
        """The events with a higher version, oldest first.

        Only these events are decoded. They are cached, because many subscribers have received the same version, and need the events after it.
        """
        if version <= 0 or self._events is not None:
            return super().events_after(version)
        if self._events_after is None or self._events_after[0] != version:
            object.__setattr__(self, "_events_after", (version, decode_events(self._document, self._keys, version)))
        events: tuple[Event, ...] = self._events_after[1]
        return events


ATTRIBUTES: dict[str, StoredAttribute] = {name: member for name, member in vars(LazyVerification).items() if isinstance(member, StoredAttribute)}
REQUIRED = [attribute for attribute in ATTRIBUTES.values() if attribute.required_type]
REQUIRED_TYPES = tuple(attribute.required_type for attribute in REQUIRED)
required_values = itemgetter(*(attribute.field for attribute in REQUIRED))


def check_required(document: Document, keys: SealingKeys) -> None:
    """Check that all required values of a document can be read. Raises: BadDocument if one can't be read."""
    try:
        if tuple(map(type, required_values(document))) == REQUIRED_TYPES and document["status"] in STATUS_OF:
            return
    except KeyError:
        pass
    for attribute in REQUIRED:
        attribute.value(document, keys)


def lazy_verification(document: Document, keys: SealingKeys) -> LazyVerification:
    """A verification that reads from this document. `check_required` must have accepted the document. Nothing is decoded yet."""
    verification: LazyVerification = object.__new__(LazyVerification)
    put = object.__setattr__
    put(verification, "_document", document)
    put(verification, "_keys", keys)
    put(verification, "_events", None)
    put(verification, "_events_after", None)
    return verification


def document_of(verification: Verification | None) -> Document:
    """The document from which a LazyVerification was read; an empty document for all other verifications, and for None."""
    return verification._document if isinstance(verification, LazyVerification) else {}
