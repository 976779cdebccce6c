"""Automatic persisted queries: documents that clients sent once, and then name by their hash."""

import hashlib
from pathlib import Path
from typing import Any, Literal

import orjson

from compiler.recent import Recent
from gateway.operations.operation_request import PREFIX, unprefixed

KEPT_TEXTS = 5000
KEPT_CHARACTERS = 2_000_000


class PersistedQueries:
    """The texts of valid documents by their SHA-256, for all callers: since it is checked, nobody decides what a hash means to somebody else.

    Source: Apollo's automatic persisted queries.
    """

    def __init__(self) -> None:
        self._texts = Recent[str, str](KEPT_TEXTS, KEPT_CHARACTERS)

    def text(self, hash: str) -> str | None:
        """The document with this hash; None where it was not sent yet, or is forgotten."""
        return self._texts.get(hash)

    def keep(self, text: str) -> None:
        """Remember a document."""
        self._texts.keep(sha256(text), text, len(text))


def sha256(text: str) -> str:
    """The hash of a text in UTF-8, as lower-case hex."""
    return hashlib.sha256(text.encode()).hexdigest()


APOLLO = "apollo-persisted-query-manifest"

# What becomes of documents that are not in a manifest. open: they are answered; trusted-first: and logged; trusted-only: they are refused.
Mode = Literal["open", "trusted-first", "trusted-only"]


class BadManifest(Exception):
    """A manifest can't be used. The message says why, after the id of the document, where it is one."""


def read(path: Path) -> dict[str, str]:
    """The documents of a manifest, by their ids.

    Shape:  JSON, either an object of documents by their ids, as graphql-codegen and Relay's compiler write it, or Apollo's
            {"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id", "body", …}]}.
    Raises: BadManifest.
    """
    try:
        content = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        raise BadManifest("can't be read, or is not JSON") from None
    documents: dict[str, str] = {}
    for id, text in entries(content):
        if not isinstance(id, str) or not isinstance(text, str):
            raise BadManifest("holds something else than documents by their ids")
        if id.startswith(PREFIX) and id != PREFIX + sha256(text):
            raise BadManifest(f"{id}: is not the hash of its document")
        if documents.setdefault(unprefixed(id), text) != text:
            raise BadManifest(f"{id}: names two documents")
    return documents


def entries(content: Any) -> list[tuple[Any, Any]]:
    """The ids and documents of any of the formats, not yet looked at. Raises: BadManifest."""
    match content:
        case {"format": str(), "version": 1, "operations": list(operations)} if content["format"] == APOLLO:
            return [(each.get("id"), each.get("body")) if isinstance(each, dict) else (None, None) for each in operations]
        case {"format": str(), "operations": _}:
            raise BadManifest(f"is of a format other than {APOLLO}, version 1")
        case dict():
            return list(content.items())
        case _:
            raise BadManifest("is not an object")
