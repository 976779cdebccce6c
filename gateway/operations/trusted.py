"""Operation documents that clients can identify by an id instead of sending the text.

A persisted query is a document whose text some client has sent before. A trusted document is listed in the manifest, a file of the deployment.
"""

import hashlib
from pathlib import Path
from typing import Any, Literal

import orjson

from compiler.recent import Recent
from gateway.operations.operation_request import PREFIX, unprefixed

# How many texts of persisted queries are kept, and how many characters they may have together.
KEPT_TEXTS = 5000
KEPT_TEXT_CHARACTERS = 2_000_000


class PersistedQueries:
    """Keeps the texts of valid documents by their SHA-256, for all callers. Hashes are checked, so no caller can store a wrong text under a hash.

    Source: Apollo's automatic persisted queries.
    """

    def __init__(self) -> None:
        self._texts = Recent[str, str](KEPT_TEXTS, KEPT_TEXT_CHARACTERS)

    def text(self, hash: str) -> str | None:
        """The text of the document with this hash; None if no client has sent it yet, or if it is no longer kept."""
        return self._texts.get(hash)

    def keep(self, text: str) -> None:
        """Keep a document under its hash."""
        self._texts.keep(sha256(text), text, len(text))


def sha256(text: str) -> str:
    """The hash of a text in UTF-8, as lower-case hex."""
    return hashlib.sha256(text.encode()).hexdigest()


APOLLO = "apollo-persisted-query-manifest"

# How documents that are not in the manifest are treated. open: executed; trusted-first: executed and logged; trusted-only: refused.
Mode = Literal["open", "trusted-first", "trusted-only"]


class BadManifest(Exception):
    """A manifest can't be used. The message gives the reason. If one document is the reason, the message begins with that document's id."""


def read_manifest(path: Path) -> dict[str, str]:
    """The documents of a manifest, by id.

    Shape:  JSON in one of two formats. graphql-codegen and Relay's compiler write an object {"<id>": "<document>", …}. Apollo writes
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
            raise BadManifest("must hold only documents by their ids, both as strings")
        if id.startswith(PREFIX) and id != PREFIX + sha256(text):
            raise BadManifest(f"{id}: is not the SHA-256 of its document")
        if documents.setdefault(unprefixed(id), text) != text:
            raise BadManifest(f"{id}: names two documents")
    return documents


def entries(content: Any) -> list[tuple[Any, Any]]:
    """The pairs of id and document in a manifest of either format. Their types are not checked yet. Raises: BadManifest."""
    match content:
        case {"format": str(), "version": 1, "operations": list(operations)} if content["format"] == APOLLO:
            return [(each.get("id"), each.get("body")) if isinstance(each, dict) else (None, None) for each in operations]
        case {"format": str(), "operations": _}:
            raise BadManifest(f"has a `format` that is not {APOLLO}, version 1")
        case dict():
            return list(content.items())
        case _:
            raise BadManifest("is not an object")
