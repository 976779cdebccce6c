"""A client's request to execute an operation, the same over every transport."""

from types import NoneType
from typing import Any, NamedTuple

from gateway.errors import refused

PREFIX = "sha256:"
# The allowed types of a request's fields, which may be null. They are tuples: `isinstance` takes three times as long with a union like `str | None`.
TEXT, OBJECT = (str, NoneType), (dict, NoneType)
IDS = ("documentId", "doc_id")


class OperationRequest(NamedTuple):
    """A client's request to execute an operation. It contains the text of a document (`query`), the document's id, or both.

    `with_cost`: the client asks for the operation's cost in the response.
    """

    query: str | None
    variables: dict[str, object] | None = None
    operation_name: str | None = None
    with_cost: bool = False
    document_id: str | None = None


def from_fields(fields: Any) -> OperationRequest:
    """The request that a client sent, from the fields of the decoded body, query string or message. Raises: RequestRefused."""
    if isinstance(fields, list):
        raise refused("BAD_REQUEST", "a batch of operations is not accepted; send one operation per request")
    if not isinstance(fields, dict):
        raise refused("BAD_REQUEST", "a request is a JSON object with `query`")
    query, variables, name = fields.get("query"), fields.get("variables"), fields.get("operationName")
    extensions = fields.get("extensions")
    if not isinstance(extensions, OBJECT):
        raise refused("BAD_REQUEST", "extensions is not an object")
    extensions = extensions or {}
    id = document_id(fields, extensions)
    # Some clients can't leave out `query`. They send an empty string together with an id.
    if id is not None and query == "":
        query = None
    if not isinstance(query, TEXT) or (query is None and id is None):
        raise refused("BAD_REQUEST", "query is missing, or not a string")
    if not isinstance(variables, OBJECT):
        raise refused("BAD_REQUEST", "variables is not an object")
    if not isinstance(name, TEXT):
        raise refused("BAD_REQUEST", "operationName is not a string")
    return OperationRequest(query, variables, name, extensions.get("cost") is True, id)


def document_id(fields: dict[str, Any], extensions: dict[str, Any]) -> str | None:
    """The id of the document that a request names, without the prefix `sha256:`; None if the request has no id. Raises: RequestRefused.

    Source: GraphQL over HTTP, draft of the appendix on persisted documents (`documentId`); Relay's guide to persisted queries (`doc_id`);
            Apollo's automatic persisted queries (`extensions.persistedQuery`).
    """
    by_field = {name: value for name in IDS if (value := fields.get(name)) is not None}
    persisted = extensions.get("persistedQuery")
    if persisted is None and not by_field:
        return None
    match persisted:
        case None:
            pass
        case {"version": 1, "sha256Hash": hash}:
            by_field["extensions.persistedQuery.sha256Hash"] = hash
        case _:
            raise refused("BAD_REQUEST", "extensions.persistedQuery is not { version: 1, sha256Hash }")
    for name, value in by_field.items():
        if not isinstance(value, str):
            raise refused("BAD_REQUEST", f"{name} is not a string")
    ids = {unprefixed(value) for value in by_field.values()}
    if len(ids) > 1:
        raise refused("BAD_REQUEST", f"{' and '.join(by_field)} name different documents")
    return ids.pop() if ids else None


def unprefixed(id: str) -> str:
    """A document's id without the prefix `sha256:`, which clients may add or leave out."""
    return id.removeprefix(PREFIX)
