"""Writes stored documents as lines of JSON, for archives and exports."""

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from bson.timestamp import Timestamp

from domain.text import origin
from store.driver import Document

# The fields of a verification that an archive contains. The personal data are left out, and so are `due`, `storedAt` and `rewrites`, which are needed
# only by queries and the change stream. Fields that this release does not have are left out too, because they could be personal data.
ARCHIVED_FIELDS = (
    *("_id", "workspace", "chain", "attempt", "previous", "next", "version", "status", "reasons", "reference", "idempotency", "provider"),
    *("redirectionUrl", "faceRecognition", "requirements", "createdAt", "updatedAt", "expiresAt", "openedAt", "linkExpiresAt", "captureStartedAt"),
    *("captureCompletedAt", "completedAt", "anonymizedAt", "ignoredVerdict", "events", "schema"),
)


# Of these nested documents, and of each event, an archive contains only the values with these names.
ARCHIVED_VALUES = {"idempotency": ("key",), "provider": ("name", "id")}
ARCHIVED_EVENT = ("version", "type", "actor", "at", "from", "to", "reasons", "note", "sourceId")


def json_line(document: Mapping[str, Any]) -> bytes:
    """A document as one line of JSON, with the newline at its end. The keys are sorted, so that equal documents have equal lines.

    Instants are texts in ISO 8601 (UTC, milliseconds), binary data are texts in base64. Values that JSON doesn't have become texts.
    """
    return orjson.dumps(json_value(document), option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def json_value(value: Any) -> Any:
    """A value of a document as a value of JSON."""
    match value:
        case dict():
            return {str(name): json_value(each) for name, each in value.items()}
        case list() | tuple():
            return [json_value(each) for each in value]
        case datetime():
            aware = value if value.tzinfo else value.replace(tzinfo=UTC)
            return aware.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case Timestamp():
            return json_value(value.as_datetime())
        case bytes():
            return b64encode(value).decode()
        case None | bool() | float() | str():
            return value
        case int() if -(2**63) <= value < 2**63:
            return int(value)
        case _:
            return str(value)


def without_personal_data(document: Document, erasing_references: bool) -> Document:
    """A stored verification as an archive contains it: like an anonymized one, whether it was anonymized or not.

    The declared identity, the extracted document, the closing note, the provider's link and the fingerprint of the input are left out. With
    `erasing_references`, `reference` is left out too, and `redirectionUrl` is cut to its origin.
    """
    kept = {field: document[field] for field in ARCHIVED_FIELDS if field in document}
    kept |= {field: chosen(document[field], *names) for field, names in ARCHIVED_VALUES.items() if field in document}
    if isinstance(document.get("events"), list):
        kept["events"] = [chosen(event, *ARCHIVED_EVENT) for event in document["events"]]
    if erasing_references:
        kept.pop("reference", None)
        if isinstance(kept.get("redirectionUrl"), str):
            kept["redirectionUrl"] = origin(kept["redirectionUrl"])
    return kept


def chosen(nested: Any, *names: str) -> Document:
    """The values of a nested document that have these names; an empty document if the stored value is no document."""
    return {name: nested[name] for name in names if name in nested} if isinstance(nested, dict) else {}
