"""The manifests of trusted documents that the build tools of frontends write."""

from pathlib import Path
from typing import Any, Literal

import orjson

from gateway.operations.operation_request import PREFIX, unprefixed
from gateway.operations.trusted import sha256

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
