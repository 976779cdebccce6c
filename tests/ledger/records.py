"""The records of a run: by writers, by subscribers and by the nemesis, and the final content of the database."""

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
    """One entry of a history, as clients see it."""

    version: int
    type: str
    at: int
    to: str | None
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A verification in the database. `sources` are the ids of reported events, by version."""

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

    def status_at(self, version: int) -> str:
        """The status at this version."""
        changes = [event.to for event in self.events[:version] if event.type == "STATUS_CHANGED"]
        return changes[-1] or "" if changes else "PENDING"


class Operation(Enum):
    """A mutation that writers send."""

    CREATE = "create"
    PROGRESS = "progress"
    RESULT = "result"
    RETRY = "retry"
    ANONYMIZE = "anonymize"


class Outcome(Enum):
    """The outcome of a write for its writer. UNKNOWN: it got no answer, or an error that leaves it open."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Written:
    """One mutation that was sent, with its answer if there was one.

    `name` identifies repetitions: an idempotency key, an event id, the id that is retried or anonymized.
    `claim` is a step, or a status and reason codes.
    `code` is the refusal's or error's code, or the class of the exception.
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


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A subscriber sent a subscription: to one verification after a version, or to the feed after a cursor."""

    at: float
    gateway: str
    id: str | None
    after: int | str | None


@dataclass(frozen=True, slots=True)
class Updated:
    """A message about one verification."""

    at: float
    id: str
    version: int
    status: str
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A state, as lists and the feed show it."""

    id: str
    version: int
    status: str
    attempt: int


@dataclass(frozen=True, slots=True)
class FeedItem:
    """A message of the feed."""

    at: float
    cursor: str
    row: Row | None


@dataclass(frozen=True, slots=True)
class Listed:
    """The list, read at the beginning of a feed."""

    at: float
    rows: tuple[Row, ...]


class How(Enum):
    """How a subscription ended: by the server with `complete`, an error or a close; by the client; or by neither."""

    COMPLETE = "complete"
    ERROR = "error"
    CLOSED = "closed"
    CUT = "cut"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Ended:
    """A subscription ended, or did not begin."""

    at: float
    how: How
    code: str


@dataclass(frozen=True, slots=True)
class Quiet:
    """All faults are healed and all writes are done: every open subscription must now be up to date without a new one."""

    at: float


Entry = Subscribed | Updated | FeedItem | Listed | Ended | Quiet


class Kind(Enum):
    """What a subscriber follows."""

    SINGLE = "single"
    CHAIN = "chain"
    FEED = "feed"


@dataclass(frozen=True, slots=True)
class Filter:
    """The filter of a feed."""

    status: tuple[str, ...] | None = None
    first_attempts_only: bool = False

    def matches(self, status: str, attempt: int) -> bool:
        """Whether the filter matches a verification with this status and attempt."""
        return (self.status is None or status in self.status) and (not self.first_attempts_only or attempt == 1)


@dataclass(frozen=True, slots=True)
class Log:
    """The subscriptions and messages of one subscriber, in order."""

    name: str
    kind: Kind
    filter: Filter
    entries: list[Entry]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault, with the times when it began and was healed."""

    kind: str
    began_at: float
    healed_at: float
    detail: str


class Journal:
    """Entries as lines of JSON in a file. Each is flushed before it counts. With `forced`, it is also synced to disk (fsync)."""

    def __init__(self, path: Path, forced: bool = False) -> None:
        self._file = path.open("w")
        self._forced = forced

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def keep(self, entry: Any) -> None:
        """Append an entry."""
        line = {"is": type(entry).__name__, **{field.name: getattr(entry, field.name) for field in dataclasses.fields(entry)}}
        self._file.write(json.dumps(line, default=plain) + "\n")
        self._file.flush()
        if self._forced:
            os.fsync(self._file.fileno())


def plain(value: Any) -> Any:
    """A value that JSON can encode."""
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)


EVENT_FIELDS = "version type at toStatus reasons { code }"


def event(answer: Mapping[str, Any]) -> Event:
    """An event from an answer with EVENT_FIELDS."""
    reasons = tuple(reason["code"] for reason in answer["reasons"])
    return Event(answer["version"], answer["type"], milliseconds(datetime.fromisoformat(answer["at"])), answer["toStatus"], reasons)


def stored(document: Mapping[str, Any]) -> Document:
    """A verification from its document in the database."""
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
            Event(each["version"], each["type"].upper(), milliseconds(each["at"]), upper(each.get("to")), tuple(each.get("reasons", ())))
            for each in document["events"]
        ),
        sources={each["version"]: each["sourceId"] for each in document["events"] if "sourceId" in each},
    )


def upper(word: str | None) -> str | None:
    """The word in upper case, as in GraphQL's enums."""
    return word and word.upper()


def milliseconds(instant: datetime) -> int:
    """Milliseconds since 1970 UTC."""
    return round(instant.timestamp() * 1000)
