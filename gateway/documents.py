"""Operation documents, parsed and validated once."""

from dataclasses import dataclass
from functools import lru_cache

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    get_operation_ast,
    parse,
    validate,
)

from gateway.errors import RequestRefused, formatted, refused

MOST_TOKENS = 2000
CACHED_DOCUMENTS = 512


@dataclass(frozen=True, slots=True)
class OperationRequest:
    """What a client sends to have an operation executed."""

    query: str
    variables: dict[str, object] | None = None
    operation_name: str | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """A request whose document is valid, and the operation in it that is meant."""

    request: OperationRequest
    document: DocumentNode
    definition: OperationDefinitionNode

    @property
    def type(self) -> OperationType:
        """Query, mutation or subscription."""
        return self.definition.operation


class Documents:
    """The operation documents of a schema, by their text; those used least recently are forgotten."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._checked = lru_cache(CACHED_DOCUMENTS)(self._check)

    def operation(self, request: OperationRequest, request_id: str) -> Operation:
        """The operation that a request means. Raises: RequestRefused where the document or the name can't be used."""
        checked = self._checked(request.query)
        if isinstance(checked, GraphQLSyntaxError):
            raise RequestRefused(400, formatted([checked], "GRAPHQL_PARSE_FAILED", request_id))
        if isinstance(checked, tuple):
            raise RequestRefused(400, formatted(checked, "GRAPHQL_VALIDATION_FAILED", request_id))
        definition = get_operation_ast(checked, request.operation_name)
        if definition is None:
            raise refused("BAD_REQUEST", "operationName names no operation of the document, or there are several and it is missing")
        return Operation(request, checked, definition)

    def _check(self, query: str) -> DocumentNode | GraphQLSyntaxError | tuple[GraphQLError, ...]:
        try:
            document = parse(query, max_tokens=MOST_TOKENS)
        except GraphQLSyntaxError as error:
            return error
        return tuple(validate(self._schema, document)) or document
