"""Operation documents: each is parsed, measured, validated and compiled once, and then kept."""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from graphql import (
    ASTValidationRule,
    DocumentNode,
    ExecutableDefinitionsRule,
    GraphQLSchema,
    GraphQLSyntaxError,
    KnownFragmentNamesRule,
    NoFragmentCyclesRule,
    NoSchemaIntrospectionCustomRule,
    NoUnusedFragmentsRule,
    OperationDefinitionNode,
    OperationType,
    UniqueFragmentNamesRule,
    parse,
    specified_rules,
    validate,
)

from compiler import Compiler, Limit, Plans
from compiler.recent import Recent
from domain.errors import TooComplex
from gateway.errors import RequestRefused, error, formatted, refused
from gateway.operations.cost import Price, Pricing
from gateway.operations.limits import Limits, exceeded_as_written, exceeded_when_expanded, too_many, too_many_values
from gateway.operations.operation_request import OperationRequest
from gateway.operations.selections import Fragments, fragments_of, inner_variables, merged, operations_of, well_formed
from gateway.operations.trusted import BadManifest, Mode, PersistedQueries, sha256
from schema.fields import CONSTANT, declared

logger = logging.getLogger(__name__)

KEPT_DOCUMENTS = 512
# A prepared document takes about a hundred times its characters in memory, in many small objects that the garbage collector has to traverse.
KEPT_CHARACTERS = 128_000
MAX_ERRORS = 10
# In all lists of a response together. The cost can't limit them, because the length of nested lists can't be predicted.
MAX_ITEMS = 5000
# The rules that make a document well-formed. Their effort is proportional to its length.
WELL_FORMED_RULES = (ExecutableDefinitionsRule, UniqueFragmentNamesRule, KnownFragmentNamesRule, NoUnusedFragmentsRule, NoFragmentCyclesRule)
LEAST_COST = 1
CHARACTERS_PER_COST = 4
LIMITS = Limits()


class DocumentSource(StrEnum):
    """Where the document of a request came from."""

    KEPT = "kept"  # The request sent it, and it was kept from an earlier request.
    PARSED = "parsed"  # The request sent it, and it was new.
    PERSISTED = "persisted"  # The request sent only its hash; an earlier request sent the document.
    TRUSTED = "trusted"  # It is in the manifest, whether the request sent its id or its text.


@dataclass(frozen=True, slots=True, eq=False)
class PreparedOperation:
    """An operation of a valid document, with everything that can be computed before it is executed.

    `declared` are its variables, `inner` the variables that are used below the root fields. `constant`: the response is the same for every caller.
    """

    document: DocumentNode
    definition: OperationDefinitionNode
    plans: Plans
    price: Price
    declared: frozenset[str]
    inner: frozenset[str]
    constant: bool

    @property
    def type(self) -> OperationType:
        """Query, mutation or subscription."""
        return self.definition.operation

    @property
    def name(self) -> str | None:
        """The name of the operation, if it has one."""
        return self.definition.name.value if self.definition.name else None


class Operation(NamedTuple):
    """The operation that a request selects, with its variables and their cost. `with_cost`: the response shows the cost."""

    prepared: PreparedOperation
    variables: dict[str, object]
    with_cost: bool
    cost: int
    source: DocumentSource

    @property
    def type(self) -> OperationType:
        """Query, mutation or subscription."""
        return self.prepared.type


# The operations of a valid document, by name.
PreparedOperations = Mapping[str | None, PreparedOperation]


class Documents:
    """The operation documents of a schema, by text and by id. Valid documents are kept; the least recently used are dropped.

    `introspection`: clients may query the schema, and errors suggest similar names. `persisted_queries`: once a client has sent a document with
    its hash, the hash alone is enough. `trusted`: the documents of the manifest by their ids, which are never dropped. `mode`: how other documents
    are treated.
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
        """Raises: BadManifest if a trusted document is not valid."""
        self._schema = schema
        # Every transport serializes responses with orjson, which formats dates itself.
        self._compiler = Compiler(
            schema, hide_suggestions=not introspection, dates_left_to_orjson=True, limit=Limit(MAX_ITEMS, lambda: TooComplex(MAX_ITEMS))
        )
        self._introspection = introspection
        self._limits = limits
        self._rules = specified_rules if introspection else (*specified_rules, NoSchemaIntrospectionCustomRule)
        self._kept = Recent[str, PreparedOperations](KEPT_DOCUMENTS, KEPT_CHARACTERS)
        self._persisted = PersistedQueries() if persisted_queries else None
        self._mode = mode
        self._trusted: dict[str, PreparedOperations] = {}
        # A trusted document also has its SHA-256 as an id, in addition to the id that the tool which wrote the manifest chose.
        self._trusted_ids = {**{sha256(text): text for text in (trusted or {}).values()}, **(trusted or {})}
        for id, text in (trusted or {}).items():
            self._trust(id, text)

    def effort(self, request: OperationRequest) -> int:
        """The cost of preparing a request's document: proportional to its length, and 0 if it is kept or trusted."""
        query = self._text(request)
        if query is None or query in self._trusted or query in self._kept:
            return 0
        return LEAST_COST + min(len(query), self._limits.characters) // CHARACTERS_PER_COST

    def operation(self, request: OperationRequest, request_id: str) -> Operation:
        """The operation that a request selects. Raises: RequestRefused if the document, the operation's name or the variables can't be used."""
        if trouble := too_many_values(request.variables, self._limits):
            raise too_complex(trouble)
        operations, source = self._prepared(request, request_id)
        name = request.operation_name
        prepared = next(iter(operations.values())) if name is None and len(operations) == 1 else operations.get(name) if name is not None else None
        if prepared is None:
            raise refused("BAD_REQUEST", "operationName does not name an operation of the document, or is missing although there are several")
        variables = request.variables or {}
        cost = max(prepared.price.cost(variables), LEAST_COST)
        # A subscription holds its variables for as long as it lives, so undeclared ones are dropped.
        needed = {name: value for name, value in variables.items() if name in prepared.declared}
        return Operation(prepared, needed, request.with_cost, cost, source)

    def _text(self, request: OperationRequest) -> str | None:
        """The text of a request's document, which it sends or identifies by an id. None: the id is unknown, or both are missing."""
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
                # Once for each document, so that operators see which documents trusted-only would refuse.
                logger.info("a document that is not in the manifest was sent: sha256:%s", sha256(query))
            self._kept.keep(query, operations, len(query))
        if request.query is None:
            return operations, DocumentSource.PERSISTED
        if request.document_id is not None and self._persisted:
            self._persisted.keep(query)
        return operations, source

    def _has_id(self, query: str, id: str) -> bool:
        return self._trusted_ids.get(id) == query or sha256(query) == id

    def _trust(self, id: str, text: str) -> None:
        try:
            if text not in self._trusted:
                self._trusted[text] = self.check(text, "")
        except RequestRefused as refusal:
            raise BadManifest(f"{id}: {refusal.errors[0]['message']}") from None

    def check(self, query: str, request_id: str) -> PreparedOperations:
        """The operations of a document, by name. Raises: RequestRefused if the document is not valid or exceeds a limit."""
        document = self._parsed(query, request_id)
        if trouble := exceeded_as_written(document, self._limits):
            raise too_complex(trouble)
        if not well_formed(document):
            self._validate(document, WELL_FORMED_RULES, request_id)
        if trouble := exceeded_when_expanded(document, self._limits):
            raise too_complex(trouble)
        self._validate(document, self._rules, request_id)
        operations = [self._prepare(document, each, fragments_of(document)) for each in operations_of(document)]
        return {each.name: each for each in operations}

    def _prepare(self, document: DocumentNode, definition: OperationDefinitionNode, fragments: Fragments) -> PreparedOperation:
        return PreparedOperation(
            document,
            definition,
            self._compiler.plans(document, definition),
            Pricing(self._schema, definition, fragments).price(),
            frozenset(each.variable.name.value for each in definition.variable_definitions or ()),
            inner_variables(definition, fragments),
            constant(self._schema, definition, fragments),
        )

    def _parsed(self, query: str, request_id: str) -> DocumentNode:
        limits = self._limits
        if len(query) > limits.characters:
            raise too_complex(too_many("characters", limits))
        try:
            return parse(query, max_lexical_tokens=limits.tokens, max_comments=limits.tokens)
        except GraphQLSyntaxError as mistake:
            if "Document contains more than" in mistake.message:
                raise too_complex(too_many("tokens", limits)) from None
            raise RequestRefused(400, formatted([mistake], "GRAPHQL_PARSE_FAILED", request_id)) from None

    def _validate(self, document: DocumentNode, rules: Collection[type[ASTValidationRule]], request_id: str) -> None:
        errors = validate(self._schema, document, rules, MAX_ERRORS, hide_suggestions=not self._introspection)
        for mistake in errors:
            # An exception inside a rule is caused by the document too, so it is reported as a validation error, not as an unexpected one.
            mistake.original_error = None
        if errors:
            raise RequestRefused(400, formatted(errors, "GRAPHQL_VALIDATION_FAILED", request_id))


def constant(schema: GraphQLSchema, operation: OperationDefinitionNode, fragments: Fragments) -> bool:
    """Whether a valid operation selects only root fields that are declared constant, so that clients may cache its response."""
    if operation.operation is not OperationType.QUERY or not schema.query_type:
        return False
    selected = [field.name.value for each in merged("", [operation.selection_set], fragments).values() for _, field in each]
    fields = [schema.query_type.fields.get(name) for name in selected if name != "__typename"]
    return bool(fields) and all(declared(field, CONSTANT, False) for field in fields)


def not_found() -> RequestRefused:
    """The refusal that makes a client send the document. Clients recognize its message and status. Source: Apollo Server, persisted queries."""
    return refused("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound", 200)


def not_supported() -> RequestRefused:
    """The refusal that makes a client send documents instead of hashes from now on."""
    return refused("PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported", 200)


def too_complex(message: str, **extensions: Any) -> RequestRefused:
    """The refusal of an operation that is too large or costs too much."""
    return RequestRefused(400, [error("QUERY_TOO_COMPLEX", message, **extensions)])
