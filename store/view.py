"""A verification seen through its document: each value is decoded when it is asked for, and not before."""

from collections.abc import Callable, Iterable
from dataclasses import fields
from datetime import UTC, datetime
from itertools import islice
from operator import attrgetter, itemgetter
from typing import Any

from domain.event import Actor, Event, EventType
from domain.identity import DeclaredIdentity, DocumentType, ExtractedDocument
from domain.status import Status
from domain.verification import Idempotency, Provider, Verification
from store.driver import Document
from store.sealing import Content, Keys, Sealed

STATUSES = {status.value: status for status in Status}
EVENT_TYPES = {type.value: type for type in EventType}
ACTORS = {actor.value: actor for actor in Actor}
DOCUMENT_TYPES = {type.value: type for type in DocumentType}

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAIVE_EPOCH = EPOCH.replace(tzinfo=None)

everything = attrgetter(*(field.name for field in fields(Verification)))

Read = Callable[[Document, Keys], Any]
Decode = Callable[[Any], Any]


class Found(Verification):
    """A verification that was found in the database. It equals any other that holds the same, and what a rule makes of it is an ordinary one."""

    __slots__ = ()

    def __new__(cls, **values: Any) -> Any:
        # Rules, and `dataclasses.replace` for them, make the next state by the class of the one that they have.
        return Verification(**values)

    def __eq__(self, other: object) -> bool:
        return everything(self) == everything(other) if isinstance(other, Verification) else NotImplemented

    __hash__ = Verification.__hash__


class Kept(property):
    """An attribute that is kept in a field of the document, which may have to be there; how it is read, and what decodes it, if anything does."""

    def __init__(
        self, field: str, read: Read, see: Callable[["View"], Any] | None = None, *, required: bool = False, decode: Decode | None = None
    ) -> None:
        super().__init__(see or (lambda view: read(view._document, view._keys)))
        self.field = field
        self.read = read
        self.decode = decode
        self.required = required


class KeptPlain(Kept):
    """An attribute that stands in its field as it is."""

    def __init__(self, field: str) -> None:
        super().__init__(field, lambda document, keys: document[field], lambda view: view._document[field], required=True)


def plain(field: str) -> Any:
    """What stands in the field."""
    return KeptPlain(field)


def always(field: str, decode: Decode) -> Any:
    """What is decoded from the field."""
    return Kept(field, lambda document, keys: decode(document[field]), required=True, decode=decode)


def sometimes(field: str, decode: Decode | None = None) -> Any:
    """What is decoded from the field, or stands there as it is; None where there is none."""

    def read(document: Document, keys: Keys) -> Any:
        value = document.get(field)
        return value if value is None or decode is None else decode(value)

    return Kept(field, read, decode=decode)


def closed(field: str, decode: Callable[[Content], Any]) -> Any:
    """What stays sealed until somebody opens it; None where there is nothing."""

    def read(document: Document, keys: Keys) -> Any:
        envelope = document.get(field)
        return None if envelope is None else Sealed(keys, (document["workspace"], document["_id"], field), envelope, decode)

    return Kept(field, read)


def once(field: str, decode: Decode) -> Any:
    """What is decoded from the field when it is asked for first, and then kept: it is asked for often, and takes long."""

    def see(view: "View") -> Any:
        if view._decoded is None:
            object.__setattr__(view, "_decoded", decode(view._document[field]))
        return view._decoded

    return Kept(field, lambda document, keys: decode(document[field]), see, required=True, decode=decode)


def utc(instant: datetime) -> datetime:
    """The instant, aware. The driver's own way to that takes ten times as long, so that it is spared those that nobody asks for."""
    return instant if instant.tzinfo else EPOCH + (instant - NAIVE_EPOCH)


def decode_events(documents: Iterable[Document]) -> tuple[Event, ...]:
    """The history."""
    return tuple(map(decode_event, documents))


def decode_event(document: Document) -> Event:
    """One entry of the history."""
    get = document.get
    from_status, to_status = get("from"), get("to")
    return Event(
        document["version"],
        EVENT_TYPES[document["type"]],
        ACTORS[document["actor"]],
        utc(document["at"]),
        from_status and STATUSES[from_status],
        to_status and STATUSES[to_status],
        tuple(get("reasons", ())),
        get("note"),
        get("sourceId"),
    )


def check_events(documents: Iterable[Document]) -> None:
    """Raise what decoding the history would raise."""
    for document in documents:
        get = document.get
        document["version"], EVENT_TYPES[document["type"]], ACTORS[document["actor"]], document["at"].tzinfo
        for status in (get("from"), get("to")):
            if status:
                STATUSES[status]
        iter(get("reasons", ()))


def decode_idempotency(document: Document) -> Idempotency:
    """What tells a repeated creation from a new one."""
    return Idempotency(document["key"], document.get("fingerprint"))


def decode_provider(document: Document) -> Provider:
    """Who verifies."""
    return Provider(document["name"], document["id"], document.get("url"))


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


class View(Found):
    """A verification that keeps its document, and decodes of it what is asked for. This table is the one place that says how each value is kept."""

    __slots__ = ("_decoded", "_document", "_keys", "_latest")

    _document: Document
    _keys: Keys
    _decoded: Any
    _latest: Any

    id = plain("_id")
    workspace = plain("workspace")
    chain = plain("chain")
    attempt = plain("attempt")
    previous = sometimes("previous")
    next = sometimes("next")
    version = plain("version")
    status = always("status", STATUSES.__getitem__)
    reasons = always("reasons", tuple)
    reference = sometimes("reference")
    idempotency = sometimes("idempotency", decode_idempotency)
    provider = always("provider", decode_provider)
    declared = closed("declared", decode_declared)
    extracted = closed("extracted", decode_extracted)
    redirection_url = plain("redirectionUrl")
    face_recognition = plain("faceRecognition")
    created_at = always("createdAt", utc)
    updated_at = always("updatedAt", utc)
    expires_at = always("expiresAt", utc)
    opened_at = sometimes("openedAt", utc)
    link_deadline = sometimes("linkExpiresAt", utc)
    capture_started_at = sometimes("captureStartedAt", utc)
    capture_completed_at = sometimes("captureCompletedAt", utc)
    completed_at = sometimes("completedAt", utc)
    anonymized_at = sometimes("anonymizedAt", utc)
    events = once("events", decode_events)

    def events_after(self, version: int) -> tuple[Event, ...]:
        """What happened since a version, oldest first. Nothing else of the history is decoded, and that once: many may have seen the same version."""
        if version <= 0 or self._decoded is not None:
            return super().events_after(version)
        if self._latest is None or self._latest[0] != version:
            object.__setattr__(self, "_latest", (version, decode_events(islice(self._document["events"], version, None))))
        events: tuple[Event, ...] = self._latest[1]
        return events


KEPT: dict[str, Kept] = {name: kept for name, kept in vars(View).items() if isinstance(kept, Kept)}
# What raises, where a decoder would, the same in a tenth of its time.
FAILING: dict[Decode, Decode] = {
    tuple: iter,
    utc: attrgetter("tzinfo"),
    decode_idempotency: itemgetter("key"),
    decode_provider: itemgetter("name", "id"),
    decode_events: check_events,
}
LOOKS = [(kept.field, kept.required, FAILING.get(kept.decode, kept.decode)) for kept in KEPT.values() if kept.decode]


def check(document: Document) -> None:
    """Find out whether all that stands in a document can be read. Raises: what reading raises where it can't."""
    for field, required, look in LOOKS:
        value = document.get(field)
        if required or value is not None:
            look(value)


def seen(document: Document, keys: Keys) -> View:
    """The view of a whole document, of which nothing is looked at yet."""
    view: View = object.__new__(View)
    put = object.__setattr__
    put(view, "_document", document)
    put(view, "_keys", keys)
    put(view, "_decoded", None)
    put(view, "_latest", None)
    return view
