"""The records of a run, which the checker compares. Writers, subscribers and the nemesis make them. `Document` is the final state in the database."""

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self


class Event(NamedTuple):
    """One event of a verification, with the names and values that the API shows."""

    version: int
    type: str
    at: int
    to: str | None
    reasons: tuple[str, ...]
    actor: str


@dataclass(frozen=True, slots=True)
class Document:
    """A verification as it is stored.

    For each event with a `sourceId`, `sources` maps the version of the event to this id. `personal` and `extracted`: whether the document contains
    personal data, and the data of an identity document. `removed`: the document was deleted from the database; this is its last state.
    """

    id: str
    chain: str
    attempt: int
    previous: str | None
    next: str | None
    version: int
    status: str
    key: str | None
    events: tuple[Event, ...]
    sources: Mapping[int, str]
    personal: bool = True
    extracted: bool = False
    removed: bool = False

    def status_at(self, version: int) -> str:
        """The status that the verification had at this version."""
        changes = [event.to for event in self.events[:version] if event.type == "STATUS_CHANGED"]
        return changes[-1] or "" if changes else "PENDING"


class Operation(Enum):
    """A kind of mutation that writers send. ANONYMIZE concerns one attempt, ERASE its whole chain."""

    CREATE = "create"
    PROGRESS = "progress"
    RESULT = "result"
    RETRY = "retry"
    ANONYMIZE = "anonymize"
    ERASE = "erase"
    CLOSE = "close"


class Outcome(Enum):
    """What a writer knows about its write in the end. UNKNOWN: no answer came, or an error after which the write may have been executed or not."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Written:
    """One mutation that a writer sent, with its answer if there was one.

    `name` is the same for all repetitions of a mutation. It contains the idempotency key, the event id, or the id that is retried or anonymized.
    `on` is the id of the verification that the mutation changes; None for a creation.
    `claim` is what the mutation reports: a step of the person's progress, or a status and reason codes.
    `code` is the code of the refusal or the error, or the name of the exception.
    `id`, `version` and `events` are the verification in the answer.
    `with_document`: the mutation reports a result with the data of an identity document.
    """

    operation: Operation
    name: str
    on: str | None
    claim: tuple[str, ...]
    outcome: Outcome
    sent_at: float
    answered_at: float
    code: str | None = None
    id: str | None = None
    version: int = 0
    events: tuple[Event, ...] = ()
    with_document: bool = False


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The record that a subscriber sent a subscription: to one verification or its chain, or to the whole workspace (the feed, `id` is None).

    `after`: the version after which the subscription resumes, or the cursor of the feed. `cursor`: the cursor with which it resumes a verification or
    a chain.
    """

    at: float
    gateway: str
    id: str | None
    after: int | str | None
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Updated:
    """The record that a subscriber to one verification or chain received a message, with the state and the events in it."""

    at: float
    id: str
    version: int
    status: str
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """The state of a verification, in a list or in a message of the feed."""

    id: str
    version: int
    status: str
    attempt: int


@dataclass(frozen=True, slots=True)
class FeedItem:
    """The record that a subscriber to the workspace received a message. The first message of a subscription has a cursor and no row."""

    at: float
    cursor: str
    row: Row | None


@dataclass(frozen=True, slots=True)
class Listed:
    """The record that a subscriber to the workspace read the list of verifications, after it had subscribed."""

    at: float
    rows: tuple[Row, ...]


class How(Enum):
    """How a subscription ended. The server ends it with COMPLETE, ERROR or CLOSED. LEFT: the client ended it. CUT: the connection was lost."""

    COMPLETE = "complete"
    ERROR = "error"
    CLOSED = "closed"
    CUT = "cut"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Ended:
    """The record that a subscription ended, or that the attempt to subscribe failed."""

    at: float
    how: How
    code: str


@dataclass(frozen=True, slots=True)
class Quiet:
    """Marks the end of a run in a subscriber's records: all faults were healed, all writes were done, and the subscribers had time to
    receive everything.

    A subscription that is open at this mark, and that has not delivered everything, is a breach.
    """

    at: float


Entry = Subscribed | Updated | FeedItem | Listed | Ended | Quiet


class Kind(Enum):
    """What a subscriber follows. SINGLE: one verification. CHAIN: a verification and the later attempts of its chain. FEED: the whole workspace."""

    SINGLE = "single"
    CHAIN = "chain"
    FEED = "feed"


@dataclass(frozen=True, slots=True)
class Filter:
    """The filter of a subscription to the workspace, and of the list that the subscriber reads."""

    status: tuple[str, ...] | None = None
    first_attempts_only: bool = False

    def matches(self, status: str, attempt: int) -> bool:
        """Whether the filter matches a verification with this status and attempt."""
        return (self.status is None or status in self.status) and (not self.first_attempts_only or attempt == 1)


@dataclass(frozen=True, slots=True)
class Log:
    """Everything that one subscriber recorded, in order. `event_streams`: it uses event streams instead of a socket."""

    name: str
    kind: Kind
    filter: Filter
    entries: list[Entry]
    event_streams: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that the nemesis injected: its kind, when it began, when it was healed, and a description."""

    kind: str
    began_at: float
    healed_at: float
    detail: str


class Journal:
    """Writes entries to a file as lines of JSON. Each line is flushed before `keep` returns; with `forced`, it is also synced to disk (fsync)."""

    def __init__(self, path: Path, forced: bool = False) -> None:
        self._file = path.open("w")
        self._forced = forced

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def keep(self, entry: Any) -> None:
        """Append an entry to the journal's file."""
        line = {"is": type(entry).__name__, **{field.name: getattr(entry, field.name) for field in dataclasses.fields(entry)}}
        self._file.write(json.dumps(line, default=plain) + "\n")
        self._file.flush()
        if self._forced:
            os.fsync(self._file.fileno())


def plain(value: Any) -> Any:
    """Convert a value that `json` cannot encode: an enum, a dataclass, a mapping, or anything else as text."""
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)


EVENT_FIELDS = "version type actor at toStatus reasons { code }"


def event(answer: Mapping[str, Any]) -> Event:
    """Make the record of an event from an answer of the API, whose operation selects the fields in EVENT_FIELDS."""
    reasons = tuple(reason["code"] for reason in answer["reasons"])
    return Event(answer["version"], answer["type"], milliseconds(datetime.fromisoformat(answer["at"])), answer["toStatus"], reasons, answer["actor"])


def stored(document: Mapping[str, Any], removed: bool = False) -> Document:
    """Make the record of a verification from its MongoDB document. `removed`: it was deleted, and this is its last document."""
    get = document.get
    return Document(
        id=document["_id"],
        chain=document["chain"],
        attempt=document["attempt"],
        previous=get("previous"),
        next=get("next"),
        version=document["version"],
        status=document["status"].upper(),
        key=get("idempotency", {}).get("key"),
        events=tuple(
            Event(
                each["version"],
                each["type"].upper(),
                milliseconds(each["at"]),
                upper(each.get("to")),
                tuple(each.get("reasons", ())),
                each["actor"].upper(),
            )
            for each in document["events"]
        ),
        sources={each["version"]: each["sourceId"] for each in document["events"] if "sourceId" in each},
        personal="declared" in document,
        extracted="extracted" in document,
        removed=removed,
    )


def upper(word: str | None) -> str | None:
    """The stored name of a status in upper case, as the API shows it. None stays None."""
    return word and word.upper()


def milliseconds(instant: datetime) -> int:
    """Convert a time to milliseconds since 1970 UTC, as records contain times of events."""
    return round(instant.timestamp() * 1000)
