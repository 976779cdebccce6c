"""Operation documents, parsed, measured and validated once."""

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
from gateway.operations.limits import Limits, exceeded, exceeded_at_first, too_many, too_many_values
from gateway.operations.operation_request import OperationRequest
from gateway.operations.selections import Fragments, fragments_of, inner_variables, merged, operations_of, sound
from gateway.operations.trusted import BadManifest, Mode, PersistedQueries, sha256
from schema.fields import CONSTANT, declared

logger = logging.getLogger(__name__)

KEPT_DOCUMENTS = 512
# What is kept of a document takes some hundred times its characters, in many small objects that the garbage collector has to look through.
KEPT_CHARACTERS = 128_000
MAX_ERRORS = 10
# In all lists of an answer together: how long those inside others are, nobody knows beforehand.
MAX_ITEMS = 5000
# What makes a document sound. The effort of these rules is in proportion to its length.
SOUND = (ExecutableDefinitionsRule, UniqueFragmentNamesRule, KnownFragmentNamesRule, NoUnusedFragmentsRule, NoFragmentCyclesRule)
LEAST_COST = 1
CHARACTERS_PER_COST = 4
LIMITS = Limits()


class Found(StrEnum):
    """How the document of a request was found."""

    KEPT = "kept"  # Sent, and kept from before.
    PARSED = "parsed"  # Sent, and new.
    PERSISTED = "persisted"  # Named by the hash under which somebody sent it before.
    TRUSTED = "trusted"  # One of the manifest, whether it was named or sent.


@dataclass(frozen=True, slots=True, eq=False)
class PreparedOperation:
    """An operation of a valid document, and what is known of it beforehand.

    `declared` are its variables, `inner` those that are used below the fields of the root; `constant`: the answer is the same for every caller.
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
        """Its name, where it has one."""
        return self.definition.name.value if self.definition.name else None


class Operation(NamedTuple):
    """The operation that a request means, with its variables, and what that costs."""

    prepared: PreparedOperation
    variables: dict[str, object]
    with_cost: bool
    cost: int
    found: Found

    @property
    def type(self) -> OperationType:
        """Query, mutation or subscription."""
        return self.prepared.type


# The operations of a valid document, by name.
Checked = Mapping[str | None, PreparedOperation]


class Documents:
    """The operation documents of a schema, by their text and by their ids. Valid ones are kept; those used least recently are forgotten.

    With `introspection`, clients may look at the schema and are told which name they may have meant. With `persisted_queries`, a document that
    was sent with its hash can be named by that from then on. The `trusted` documents, by their ids, stay; the mode says what becomes of all others.
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
        """Raises: BadManifest where one of the trusted documents is not valid."""
        self._schema = schema
        # Whatever the transport, an answer is written with orjson.
        self._compiler = Compiler(
            schema, hide_suggestions=not introspection, dates_left_to_orjson=True, limit=Limit(MAX_ITEMS, lambda: TooComplex(MAX_ITEMS))
        )
        self._introspection = introspection
        self._limits = limits
        self._rules = specified_rules if introspection else (*specified_rules, NoSchemaIntrospectionCustomRule)
        self._kept = Recent[str, Checked](KEPT_DOCUMENTS, KEPT_CHARACTERS)
        self._persisted = PersistedQueries() if persisted_queries else None
        self._mode = mode
        self._trusted: dict[str, Checked] = {}
        # Whatever the tool that made the manifest took for an id, a trusted document has its hash for another.
        self._trusted_ids = {**{sha256(text): text for text in (trusted or {}).values()}, **(trusted or {})}
        for id, text in (trusted or {}).items():
            self._trust(id, text)

    def effort(self, request: OperationRequest) -> int:
        """What it costs to look at a request's document: in proportion to its length, and nothing where it is known."""
        query = self._text(request)
        if query is None or query in self._trusted or query in self._kept:
            return 0
        return LEAST_COST + min(len(query), self._limits.characters) // CHARACTERS_PER_COST

    def operation(self, request: OperationRequest, request_id: str) -> Operation:
        """The operation that a request means. Raises: RequestRefused where the document, the name or the variables can't be used."""
        if trouble := too_many_values(request.variables, self._limits):
            raise too_complex(trouble)
        checked, found = self._found(request, request_id)
        name = request.operation_name
        known = next(iter(checked.values())) if name is None and len(checked) == 1 else checked.get(name) if name is not None else None
        if known is None:
            raise refused("BAD_REQUEST", "operationName names no operation of the document, or there are several and it is missing")
        variables = request.variables or {}
        cost = max(known.price.cost(variables), LEAST_COST)
        # For as long as a subscription lives, nothing is kept of what it doesn't need.
        needed = {name: value for name, value in variables.items() if name in known.declared}
        return Operation(known, needed, request.with_cost, cost, found)

    def _text(self, request: OperationRequest) -> str | None:
        """The text that a request sends, or names."""
        if request.query is not None or request.document_id is None:
            return request.query
        if trusted := self._trusted_ids.get(request.document_id):
            return trusted
        return self._persisted.text(request.document_id) if self._persisted else None

    def _found(self, request: OperationRequest, request_id: str) -> tuple[Checked, Found]:
        query = self._text(request)
        if query is None:
            raise not_found() if self._persisted or self._trusted else not_supported()
        if request.query is not None and request.document_id is not None and not self._is_named(query, request.document_id):
            raise refused("BAD_REQUEST", "the document is not the one that its id or hash names")
        if trusted := self._trusted.get(query):
            return trusted, Found.TRUSTED
        if self._mode == "trusted-only":
            raise refused("FORBIDDEN", "only the documents of the manifest are answered", 403)
        if kept := self._kept.get(query):
            checked, found = kept, Found.KEPT
        else:
            checked, found = self.check(query, request_id), Found.PARSED
            if self._mode == "trusted-first":
                # Once for each, so that it can be seen what would be refused.
                logger.info("a document that is not in the manifest was sent: sha256:%s", sha256(query))
            self._kept.keep(query, checked, len(query))
        if request.query is None:
            return checked, Found.PERSISTED
        if request.document_id is not None and self._persisted:
            self._persisted.keep(query)
        return checked, found

    def _is_named(self, query: str, id: str) -> bool:
        return self._trusted_ids.get(id) == query or sha256(query) == id

    def _trust(self, id: str, text: str) -> None:
        try:
            if text not in self._trusted:
                self._trusted[text] = self.check(text, "")
        except RequestRefused as refusal:
            raise BadManifest(f"{id}: {refusal.errors[0]['message']}") from None

    def check(self, query: str, request_id: str) -> Checked:
        """The operations of a document. Raises: RequestRefused where it is not valid, or exceeds a limit."""
        document = self._parsed(query, request_id)
        if trouble := exceeded_at_first(document, self._limits):
            raise too_complex(trouble)
        if not sound(document):
            self._validate(document, SOUND, request_id)
        if trouble := exceeded(document, self._limits):
            raise too_complex(trouble)
        self._validate(document, self._rules, request_id)
        known = [self._known(document, each, fragments_of(document)) for each in operations_of(document)]
        return {each.name: each for each in known}

    def _known(self, document: DocumentNode, definition: OperationDefinitionNode, fragments: Fragments) -> PreparedOperation:
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
            # Whatever a rule fell over, it lies in the document.
            mistake.original_error = None
        if errors:
            raise RequestRefused(400, formatted(errors, "GRAPHQL_VALIDATION_FAILED", request_id))


def constant(schema: GraphQLSchema, operation: OperationDefinitionNode, fragments: Fragments) -> bool:
    """Whether a valid operation selects only root fields that are declared constant, so that clients may keep its response."""
    if operation.operation is not OperationType.QUERY or not schema.query_type:
        return False
    selected = [field.name.value for each in merged("", [operation.selection_set], fragments).values() for _, field in each]
    fields = [schema.query_type.fields.get(name) for name in selected if name != "__typename"]
    return bool(fields) and all(declared(field, CONSTANT, False) for field in fields)


def not_found() -> RequestRefused:
    """The refusal that has a client send the document. Its words and status are those that clients know. Source: Apollo Server, persisted queries."""
    return refused("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound", 200)


def not_supported() -> RequestRefused:
    """The refusal that has a client send all documents from now on."""
    return refused("PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported", 200)


def too_complex(message: str, **extensions: Any) -> RequestRefused:
    """The refusal of what would take too much."""
    return RequestRefused(400, [error("QUERY_TOO_COMPLEX", message, **extensions)])
