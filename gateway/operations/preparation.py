"""Prepares operation documents for execution: parses, measures, validates, prices and compiles them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

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
from domain.errors import TooComplex
from domain.instant import instant_text
from gateway.errors import RequestRefused, error, formatted
from gateway.operations.audited import AuditedSelection, audited_selection
from gateway.operations.cost import Price, Pricing
from gateway.operations.limits import Limits, exceeded_as_written, exceeded_when_expanded, too_many
from gateway.operations.number_literals import MANY_DIGITS, NumbersInRangeRule
from gateway.operations.selections import Fragments, fragments_of, inner_variables, merged_fields, operations_of, well_formed
from gateway.process.request_metrics import OperationLabel
from schema.fields import CONSTANT, declared

MAX_ERRORS = 10
# Under the name OTHERS, the metrics show all operations that the manifest does not contain; under UNNAMED, those that it contains and that have no
# name. The parentheses keep both apart from all names that an operation can have.
OTHERS, UNNAMED = "(other)", "(unnamed)"
# The maximum number of items in all lists of a response together. The cost can't limit them, because the length of nested lists can't be predicted.
MAX_ITEMS = 5000
# The validation rules that check whether a document is well-formed. Checking them takes time in proportion to the document's length.
WELL_FORMED_RULES = (ExecutableDefinitionsRule, UniqueFragmentNamesRule, KnownFragmentNamesRule, NoUnusedFragmentsRule, NoFragmentCyclesRule)


@dataclass(frozen=True, slots=True, eq=False)
class PreparedOperation:
    """An operation of a valid document, with everything that can be computed before it is executed.

    `label`: the operation's name and type in the metrics. `audited`: what it selects that the audit log records; None if it selects nothing of that.
    `declared`: the operation's variables. `inner`: the variables that are used below the root fields. `constant`: the response is the same for
    every caller.
    """

    document: DocumentNode
    definition: OperationDefinitionNode
    plans: Plans
    price: Price
    declared: frozenset[str]
    inner: frozenset[str]
    constant: bool
    label: OperationLabel
    audited: AuditedSelection | None

    @property
    def type(self) -> OperationType:
        """Query, mutation or subscription."""
        return self.definition.operation

    @property
    def name(self) -> str | None:
        """The name of the operation; None if it has no name."""
        return self.definition.name.value if self.definition.name else None


# The operations of a valid document, by name.
PreparedOperations = Mapping[str | None, PreparedOperation]


class Preparation:
    """Prepares the operation documents of a schema. `introspection`: clients may query the schema, and errors suggest similar names."""

    def __init__(self, schema: GraphQLSchema, introspection: bool, limits: Limits) -> None:
        self._schema = schema
        limit = Limit(MAX_ITEMS, lambda: TooComplex(MAX_ITEMS))
        self._compiler = Compiler(schema, hide_suggestions=not introspection, serializers={instant_text: datetime}, limit=limit)
        self._introspection = introspection
        self._limits = limits
        self._rules = specified_rules if introspection else (*specified_rules, NoSchemaIntrospectionCustomRule)

    def prepared(self, query: str, request_id: str, trusted: bool = False) -> PreparedOperations:
        """Prepare a document. Returns its operations, by name. `trusted`: the manifest contains it, so that metrics show its operations by name.

        Raises: RequestRefused if the document is not valid or exceeds a limit.
        """
        document = self._parsed(query, request_id)
        if trouble := exceeded_as_written(document, self._limits):
            raise too_complex(trouble)
        if not well_formed(document):
            self._validate(document, WELL_FORMED_RULES, request_id)
        if trouble := exceeded_when_expanded(document, self._limits):
            raise too_complex(trouble)
        if MANY_DIGITS.search(query):
            self._validate(document, (NumbersInRangeRule,), request_id)
        self._validate(document, self._rules, request_id)
        operations = [self._prepare(document, each, fragments_of(document), trusted) for each in operations_of(document)]
        return {each.name: each for each in operations}

    def _prepare(self, document: DocumentNode, definition: OperationDefinitionNode, fragments: Fragments, trusted: bool) -> PreparedOperation:
        name = (definition.name.value if definition.name else UNNAMED) if trusted else OTHERS
        return PreparedOperation(
            document,
            definition,
            self._compiler.plans(document, definition),
            Pricing(self._schema, definition, fragments).price(),
            frozenset(each.variable.name.value for each in definition.variable_definitions or ()),
            inner_variables(definition, fragments),
            constant(self._schema, definition, fragments),
            (name, definition.operation.value),
            audited_selection(self._schema, definition, fragments),
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
            # If a validation rule raised an exception, the document is the reason, as for all other mistakes. Without `original_error`, the exception
            # is reported as an error of the document, and not as an unexpected error of the gateway.
            mistake.original_error = None
        if errors:
            raise RequestRefused(400, formatted(errors, "GRAPHQL_VALIDATION_FAILED", request_id))


def constant(schema: GraphQLSchema, operation: OperationDefinitionNode, fragments: Fragments) -> bool:
    """Whether clients may cache the response of a valid operation: it is a query, and all its root fields are declared constant."""
    if operation.operation is not OperationType.QUERY or not schema.query_type:
        return False
    selected = [field.name.value for each in merged_fields("", [operation.selection_set], fragments).values() for _, field in each]
    fields = [schema.query_type.fields.get(name) for name in selected if name != "__typename"]
    return bool(fields) and all(declared(field, CONSTANT, False) for field in fields)


def too_complex(message: str, **extensions: Any) -> RequestRefused:
    """The refusal of an operation that is too large or costs too much."""
    return RequestRefused(400, [error("QUERY_TOO_COMPLEX", message, **extensions)])
