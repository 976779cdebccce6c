"""A verification seen through its document: each value is decoded when it is used, and not before."""

from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime
from itertools import islice
from operator import attrgetter, itemgetter
from typing import Any, Never

from bson.datetime_ms import DatetimeMS

from domain.errors import BadDocument, BadValue
from domain.event import Actor, Event, EventType
from domain.identity import DeclaredIdentity, DocumentType, ExtractedDocument
from domain.status import Status
from domain.verification import Idempotency, Provider, Verification
from store.bad_documents import UNREADABLE
from store.driver import Document
from store.sealing import Keys, Open, Sealed

STATUSES = {status.value: status for status in Status}
EVENT_TYPES = {type.value: type for type in EventType}
ACTORS = {actor.value: actor for actor in Actor}
DOCUMENT_TYPES = {type.value: type for type in DocumentType}
NO_PROVIDER = Provider("", "", None)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAIVE_EPOCH = EPOCH.replace(tzinfo=None)
FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_000, UTC)
# GraphQL's Int has 32 bits.
MAX_INT = 2**31 - 1

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


def itself(bad: BadValue) -> BadValue:
    """What stands in place of most values that can't be read."""
    return bad


def refuse(value: object) -> Never:
    """Raises: TypeError, since a value is of the wrong class."""
    raise TypeError


class Kept(property):
    """An attribute, the field of the document that stores it, and how it is read.

    `read` raises one of UNREADABLE where the value is missing or can't be represented, so that the usual case costs nothing. A missing value
    reads as the `default`, made of the rest of the document. `usual` is the class under which a required value is stored. Of another value that
    can't be read, `otherwise` makes what stands in its place.
    """

    def __init__(
        self,
        field: str,
        read: Read,
        see: Callable[["View"], Any] | None = None,
        *,
        usual: type | None = None,
        default: Callable[[Document], Any] | None = None,
        otherwise: Callable[[Any], Any] = itself,
    ) -> None:
        super().__init__(see or self._see)
        self.field = field
        self.read = read
        self.usual = usual
        self.default = default
        self.otherwise = otherwise

    def value(self, document: Document, keys: Keys) -> Any:
        """The value, its default, or what stands in its place. Raises: BadDocument where a required value can't be read."""
        try:
            return self.read(document, keys)
        except UNREADABLE:
            if self.default and document.get(self.field) is None:
                return self.default(document)
            if self.usual:
                raise BadDocument(document.get("_id"), self.field, document.get("chain")) from None
            return self.otherwise(BadValue(document.get("_id"), self.field))

    def _see(self, view: "View") -> Any:
        try:
            return self.read(view._document, view._keys)
        except UNREADABLE:
            return self.value(view._document, view._keys)


class KeptPlain(Kept):
    """A required attribute that is stored as it is."""


def plain(field: str, usual: type, *, convert: Decode = refuse, default: Callable[[Document], Any] | None = None) -> Any:
    """A required value that is stored as it is; `convert` makes it of a value of another class."""

    def read(document: Document, keys: Keys) -> Any:
        value = document[field]
        return value if value.__class__ is usual else convert(value)

    return KeptPlain(field, read, usual=usual, default=default)


def always(field: str, usual: type, decode: Decode, *, default: Callable[[Document], Any] | None = None) -> Any:
    """A required value that is decoded from the field."""
    return Kept(field, lambda document, keys: decode(document[field]), usual=usual, default=default)


def sometimes(field: str, decode: Decode, *, default: Any = None, otherwise: Callable[[Any], Any] = itself) -> Any:
    """A value that is decoded from the field; the default where there is none."""

    def read(document: Document, keys: Keys) -> Any:
        value = document.get(field)
        return default if value is None else decode(value)

    return Kept(field, read, otherwise=otherwise)


def closed(field: str, decode: Open) -> Any:
    """A value that stays sealed until it is opened; None where there is none."""

    def read(document: Document, keys: Keys) -> Any:
        envelope = document.get(field)
        return None if envelope is None else Sealed(keys, (document["workspace"], document["_id"], field), envelope, decode)

    return Kept(field, read)


def once(field: str, usual: type, decode: Callable[[Document], Any]) -> Any:
    """A required value that is decoded from the document at first use, and kept: it is used often, and decoding takes long."""

    def see(view: "View") -> Any:
        if view._decoded is None:
            object.__setattr__(view, "_decoded", kept.value(view._document, view._keys))
        return view._decoded

    kept = Kept(field, lambda document, keys: decode(document), see, usual=usual)
    return kept


def text(value: Any) -> str:
    """The text. Raises: TypeError where it is something else."""
    if value.__class__ is not str:
        raise TypeError
    found: str = value
    return found


def whole(number: Any) -> int:
    """The whole number, of whatever numeric type a client of MongoDB wrote. Raises: TypeError or ValueError where it isn't one of at most 32 bits."""
    if number.__class__ is bool or not isinstance(number, int | float) or number != int(number) or abs(number) > MAX_INT:
        raise TypeError
    return int(number)


def utc(instant: Any) -> datetime:
    """The aware instant. The driver's own conversion takes ten times as long, and would be made for instants that nobody reads.

    An instant that Python can't express becomes the first or the last one that it can. Raises: AttributeError where it is no instant.
    """
    try:
        aware: datetime = instant if instant.tzinfo else EPOCH + (instant - NAIVE_EPOCH)
        return aware
    except AttributeError:
        if not isinstance(instant, DatetimeMS):
            raise
        return LAST if int(instant) > 0 else FIRST


def decode_codes(codes: Any) -> tuple[str, ...]:
    """The reason codes. What is no text among them is left out. Raises: TypeError where it is no list."""
    if codes.__class__ is not list:
        raise TypeError
    try:
        # Fails where something is no text, faster than to look at each.
        "".join(codes)
    except TypeError:
        return tuple(code for code in codes if code.__class__ is str)
    return tuple(codes)


def decode_events(document: Document, after: int = 0) -> tuple[Event, ...]:
    """The history after a version. Events that this release can't represent are left out; their versions count.

    Raises: TypeError where it is no list.
    """
    events = document.get("events")
    if events is None:
        return ()
    if events.__class__ is not list:
        raise TypeError
    try:
        return tuple(map(decode_event, islice(events, max(after - lost(document), 0), None) if after else events))
    except UNREADABLE:
        before = lost(document)
        readable = (readable_event(event, before + number, document.get("_id")) for number, event in enumerate(events, 1))
        return tuple([event for event in readable if event and event.version > after])


new = object.__new__
set_version, set_type, set_actor, set_at, set_from_status, set_to_status, set_reasons, set_note, set_source_id = (
    vars(Event)[field.name].__set__ for field in fields(Event)
)


def lost(document: Document) -> int:
    """How many of the oldest events a document doesn't have: the last one's version is the document's."""
    version = document.get("version")
    return max(int(version) - len(document["events"]), 0) if isinstance(version, int | float) else 0


def decode_event(document: Document) -> Event:
    """One entry of the history. Raises: one of UNREADABLE where this release can't represent a part of it."""
    get = document.get
    version, from_status, to_status, codes, note = document["version"], get("from"), get("to"), get("reasons"), get("note")
    if version.__class__ is not int or (note is not None and note.__class__ is not str):
        raise TypeError
    event = new(Event)
    # The constructor of a frozen dataclass takes as long as all the rest.
    set_version(event, version)
    set_type(event, EVENT_TYPES[document["type"]])
    set_actor(event, ACTORS[document["actor"]])
    set_at(event, utc(document["at"]))
    set_from_status(event, None if from_status is None else STATUSES[from_status])
    set_to_status(event, None if to_status is None else STATUSES[to_status])
    set_reasons(event, decode_codes(codes) if codes else ())
    set_note(event, note)
    set_source_id(event, get("sourceId"))
    return event


def readable_event(document: Any, version: int, verification_id: object) -> Event | None:
    """The same as far as it can be represented; None where a required part can't be. `version` is the one of its place in the history."""

    def sometimes(field: str, decode: Decode) -> Any:
        return value_or_bad(document, field, decode, verification_id, f"events.{field}")

    try:
        return Event(
            whole(document.get("version", version)),
            EVENT_TYPES[document["type"]],
            ACTORS[document["actor"]],
            utc(document["at"]),
            sometimes("from", STATUSES.__getitem__),
            sometimes("to", STATUSES.__getitem__),
            decode_codes(document["reasons"]) if document.get("reasons") else (),
            sometimes("note", text),
            document.get("sourceId"),
        )
    except UNREADABLE:
        return None


def decode_idempotency(document: Document) -> Idempotency:
    """What tells a repeated creation from a new one."""
    return Idempotency(text(document["key"]), document.get("fingerprint"))


def decode_provider(document: Document) -> Provider:
    """Who verifies."""
    url = document.get("url")
    return Provider(document["name"], document["id"], None if url is None else text(url))


def decode_declared(content: Document, verification_id: str) -> DeclaredIdentity:
    """The names that the integrator gave."""
    return DeclaredIdentity(text(content["firstName"]), text(content["lastName"]))


def decode_extracted(content: Document, verification_id: str) -> ExtractedDocument:
    """What the provider read."""

    def sometimes(field: str, decode: Decode = text) -> Any:
        return value_or_bad(content, field, decode, verification_id, f"extracted.{field}")

    return ExtractedDocument(
        sometimes("fullName"),
        sometimes("bornOn"),
        sometimes("type", DOCUMENT_TYPES.__getitem__),
        sometimes("issuingCountryCode"),
        sometimes("nationalIdentificationNumber"),
    )


def value_or_bad(document: Document, field: str, decode: Decode, verification_id: object, stored_field: str) -> Any:
    """What is decoded from a nested field: None where there is none, a BadValue where it can't be read."""
    try:
        value = document.get(field)
        return None if value is None else decode(value)
    except UNREADABLE:
        return BadValue(verification_id, stored_field)


class View(Found):
    """A verification that keeps its document, and decodes a value when it is used. This table is the one place that says how each value is stored.

    A missing value reads as its default. A value that this release can't represent is a BadValue where it may be null. Where it may not, the document
    is bad as a whole (`check`).
    """

    __slots__ = ("_decoded", "_document", "_keys", "_latest")

    _document: Document
    _keys: Keys
    _decoded: Any
    _latest: Any

    id = plain("_id", str)
    workspace = plain("workspace", str)
    chain = plain("chain", str, default=lambda document: document["_id"])
    attempt = plain("attempt", int, convert=whole, default=lambda document: 1)
    previous = sometimes("previous", text)
    next = sometimes("next", text)
    version = plain("version", int, convert=whole)
    status = always("status", str, STATUSES.__getitem__)
    reasons = always("reasons", list, decode_codes, default=lambda document: ())
    reference = sometimes("reference", text)
    # Nothing shows it. One that can't be read is none.
    idempotency = sometimes("idempotency", decode_idempotency, otherwise=lambda bad: None)
    # Of a provider, nothing but its link is shown.
    provider = sometimes("provider", decode_provider, default=NO_PROVIDER, otherwise=lambda bad: Provider("", "", bad))
    declared = closed("declared", decode_declared)
    extracted = closed("extracted", decode_extracted)
    redirection_url = plain("redirectionUrl", str)
    face_recognition = plain("faceRecognition", bool, default=lambda document: False)
    created_at = always("createdAt", datetime, utc)
    updated_at = always("updatedAt", datetime, utc)
    expires_at = always("expiresAt", datetime, utc)
    opened_at = sometimes("openedAt", utc)
    link_deadline = sometimes("linkExpiresAt", utc)
    capture_started_at = sometimes("captureStartedAt", utc)
    capture_completed_at = sometimes("captureCompletedAt", utc)
    completed_at = sometimes("completedAt", utc)
    anonymized_at = sometimes("anonymizedAt", utc)
    events = once("events", list, decode_events)

    def events_after(self, version: int) -> tuple[Event, ...]:
        """What happened since a version, oldest first. Only that is decoded, and once for all who have seen the same version."""
        if version <= 0 or self._decoded is not None:
            return super().events_after(version)
        if self._latest is None or self._latest[0] != version:
            object.__setattr__(self, "_latest", (version, decode_events(self._document, version)))
        events: tuple[Event, ...] = self._latest[1]
        return events


KEPT: dict[str, Kept] = {name: kept for name, kept in vars(View).items() if isinstance(kept, Kept)}
REQUIRED = [kept for kept in KEPT.values() if kept.usual]
USUAL = tuple(kept.usual for kept in REQUIRED)
required = itemgetter(*(kept.field for kept in REQUIRED))


def check(document: Document, keys: Keys) -> None:
    """Find out whether a verification can be made of a whole document. Raises: BadDocument where a required value can't be read."""
    try:
        if tuple(map(type, required(document))) == USUAL and document["status"] in STATUSES:
            return
    except KeyError:
        pass
    for kept in REQUIRED:
        kept.value(document, keys)


def seen(document: Document, keys: Keys) -> View:
    """The view of a whole document that was checked. Nothing is decoded yet."""
    view: View = object.__new__(View)
    put = object.__setattr__
    put(view, "_document", document)
    put(view, "_keys", keys)
    put(view, "_decoded", None)
    put(view, "_latest", None)
    return view


def stored(verification: Verification | None) -> Document:
    """The document from which a verification was read; an empty one where it was made otherwise."""
    return verification._document if isinstance(verification, View) else {}
