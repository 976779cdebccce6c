"""Operation documents. Each is prepared once and then kept, so that later requests find it by its text or its id."""

import logging
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from graphql import GraphQLSchema, OperationType

from compiler.recent import Recent
from gateway.callers.charging import LEAST_COST
from gateway.errors import RequestRefused, refused
from gateway.operations.limits import Limits, too_many_values
from gateway.operations.operation_request import OperationRequest
from gateway.operations.preparation import Preparation, PreparedOperation, PreparedOperations, too_complex
from gateway.operations.trusted import BadManifest, Mode, PersistedQueries, sha256

logger = logging.getLogger(__name__)

KEPT_DOCUMENTS = 512
# The maximum total length of the documents that are kept after they were prepared. A prepared document takes about a hundred bytes of memory per
# character, in many small objects that the garbage collector has to traverse.
KEPT_DOCUMENT_CHARACTERS = 128_000
# How many characters of a new document cost 1 when the document is prepared.
CHARACTERS_PER_COST = 4
LIMITS = Limits()


class DocumentSource(StrEnum):
    """Where the document of a request came from."""

    KEPT = "kept"  # The request sent the document's text. The document was already prepared, for an earlier request.
    PARSED = "parsed"  # The request sent the document's text, and the document had to be prepared.
    PERSISTED = "persisted"  # The request sent only the document's hash. An earlier request sent the text.
    TRUSTED = "trusted"  # The manifest contains the document. The request sent its id or its text.


class Operation(NamedTuple):
    """The operation that a request selects, and its cost.

    `variables`: the request's values for the variables that the operation declares. `with_cost`: whether the response contains the cost. `source`:
    where the document came from.
    """

    prepared: PreparedOperation
    variables: dict[str, object]
    with_cost: bool
    cost: int
    source: DocumentSource

    @property
    def type(self) -> OperationType:
        """Query, mutation or subscription."""
        return self.prepared.type


class Documents:
    """The operation documents of a schema, by text and by id. Valid documents are kept; the least recently used are dropped.

    `introspection`: clients may query the schema, and errors suggest similar names. `persisted_queries`: once a client has sent a document with
    its hash, later requests may send only the hash. `trusted`: the documents of the manifest, by id; they are never dropped. `mode`: whether
    documents that are not in the manifest are executed, executed and logged, or refused (`Mode` in trusted.py).
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        introspection: bool,
        limits: Limits = LIMITS,
        *,
        persisted_queries: bool = False,
        trusted: Mapping[str, str] | None = None,
        mode: Mode = "open",
    ) -> None:
        """Prepare the trusted documents. Raises: BadManifest if one of them is not valid."""
        self._preparation = Preparation(schema, introspection, limits)
        self._limits = limits
        self._kept = Recent[str, PreparedOperations](KEPT_DOCUMENTS, KEPT_DOCUMENT_CHARACTERS)
        self._persisted = PersistedQueries() if persisted_queries else None
        self._mode = mode
        self._trusted: dict[str, PreparedOperations] = {}
        # A trusted document has two ids: the one in the manifest, and its SHA-256.
        self._trusted_ids = {**{sha256(text): text for text in (trusted or {}).values()}, **(trusted or {})}
        for id, text in (trusted or {}).items():
            self._trust(id, text)

    def effort(self, request: OperationRequest) -> int:
        """The cost of preparing a request's document, which grows with its length. 0 if the document is already prepared, or its id is unknown."""
        query = self._text(request)
        if query is None or query in self._trusted or query in self._kept:
            return 0
        return LEAST_COST + min(len(query), self._limits.characters) // CHARACTERS_PER_COST

    def operation(self, request: OperationRequest, request_id: str) -> Operation:
        """The operation that a request selects. Its document is prepared and kept if it is new.

        Raises: RequestRefused if the document, the operation's name or the variables can't be used.
        """
        if trouble := too_many_values(request.variables, self._limits):
            raise too_complex(trouble)
        operations, source = self._prepared(request, request_id)
        name = request.operation_name
        prepared = next(iter(operations.values())) if name is None and len(operations) == 1 else operations.get(name) if name is not None else None
        if prepared is None:
            raise refused("BAD_REQUEST", "operationName does not name an operation of the document, or is missing although there are several")
        variables = request.variables or {}
        cost = max(prepared.price.cost(variables), LEAST_COST)
        # Values of variables that the operation does not declare are dropped. Otherwise a subscription would hold them in memory until it ends.
        needed = {name: value for name, value in variables.items() if name in prepared.declared}
        return Operation(prepared, needed, request.with_cost, cost, source)

    def _text(self, request: OperationRequest) -> str | None:
        """The text of a request's document: the request sends the text, or an id by which the text is found.

        None if the id is unknown, or if the request has neither a text nor an id.
        """
        if request.query is not None or request.document_id is None:
            return request.query
        if trusted := self._trusted_ids.get(request.document_id):
            return trusted
        return self._persisted.text(request.document_id) if self._persisted else None

    def _prepared(self, request: OperationRequest, request_id: str) -> tuple[PreparedOperations, DocumentSource]:
        query = self._text(request)
        if query is None:
            raise not_found() if self._persisted or self._trusted else not_supported()
        if request.query is not None and request.document_id is not None and not self._has_id(query, request.document_id):
            raise refused("BAD_REQUEST", "the id or hash belongs to another document than the one that was sent with it")
        if trusted := self._trusted.get(query):
            return trusted, DocumentSource.TRUSTED
        if self._mode == "trusted-only":
            raise refused("FORBIDDEN", "only the documents of the manifest are executed", 403)
        if kept := self._kept.get(query):
            operations, source = kept, DocumentSource.KEPT
        else:
            operations, source = self.check(query, request_id), DocumentSource.PARSED
            if self._mode == "trusted-first":
                # Log a document only when it is added to the kept ones, not at every request. Operators see from this log which documents the
                # mode `trusted-only` would refuse.
                logger.info("a document that is not in the manifest was sent: sha256:%s", sha256(query))
            self._kept.keep(query, operations, len(query))
        if request.query is None:
            return operations, DocumentSource.PERSISTED
        if request.document_id is not None and self._persisted:
            self._persisted.keep(query)
        return operations, source

    def check(self, query: str, request_id: str, trusted: bool = False) -> PreparedOperations:
        """Prepare a document without keeping it. Returns its operations, by name. `trusted`: the manifest contains the document.

        Raises: RequestRefused if the document is not valid or exceeds a limit.
        """
        return self._preparation.prepared(query, request_id, trusted)

    def _has_id(self, query: str, id: str) -> bool:
        return self._trusted_ids.get(id) == query or sha256(query) == id

    def _trust(self, id: str, text: str) -> None:
        try:
            if text not in self._trusted:
                self._trusted[text] = self.check(text, "", trusted=True)
        except RequestRefused as refusal:
            raise BadManifest(f"{id}: {refusal.errors[0]['message']}") from None


def not_found() -> RequestRefused:
    """The refusal of an unknown hash. Clients recognize it by its message and status, and then send the document's text.

    Source: Apollo Server, persisted queries.
    """
    return refused("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound", 200)


def not_supported() -> RequestRefused:
    """The refusal of every hash, if the gateway has neither persisted queries nor a manifest. Clients then send only texts from now on."""
    return refused("PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported", 200)
