"""Operation documents, parsed, measured and validated once."""

from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
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
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)

from gateway.cost import Plan, Planner
from gateway.errors import RequestRefused, error, formatted, refused
from gateway.limits import Limits, exceeded, exceeded_at_first, too_many, too_many_values
from gateway.selections import fragments_of, operations_of, sound

KEPT_DOCUMENTS = 512
# What is kept of a document takes some hundred times its characters, in many small objects that the garbage collector has to look through.
KEPT_CHARACTERS = 128_000
MOST_ERRORS = 10
# What makes a document sound. The effort of these rules is in proportion to its length.
SOUND = (ExecutableDefinitionsRule, UniqueFragmentNamesRule, KnownFragmentNamesRule, NoUnusedFragmentsRule, NoFragmentCyclesRule)
LEAST_COST = 1
CHARACTERS_PER_COST = 100
LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class OperationRequest:
    """What a client sends to have an operation executed."""

    query: str
    variables: dict[str, object] | None = None
    operation_name: str | None = None
    tells_cost: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """A request whose document is valid, the operation in it that is meant, and what that costs."""

    request: OperationRequest
    document: DocumentNode
    definition: OperationDefinitionNode
    cost: int

    @property
    def type(self) -> OperationType:
        """Query, mutation or subscription."""
        return self.definition.operation


@dataclass(frozen=True, slots=True)
class Checked:
    """A valid document, and what each of its operations costs, by name."""

    document: DocumentNode
    plans: Mapping[str | None, Plan]


class Documents:
    """The operation documents of a schema, by their text. Valid ones are kept; those used least recently are forgotten.

    With `introspection`, clients may look at the schema and are told which name they may have meant.
    """

    def __init__(self, schema: GraphQLSchema, introspection: bool, limits: Limits = LIMITS) -> None:
        self._schema = schema
        self._introspection = introspection
        self._limits = limits
        self._rules = specified_rules if introspection else (*specified_rules, NoSchemaIntrospectionCustomRule)
        self._kept: OrderedDict[str, Checked] = OrderedDict()
        self._characters = 0

    def effort(self, query: str) -> int:
        """What it costs to look at a document: in proportion to its length where it is not kept."""
        return LEAST_COST if query in self._kept else LEAST_COST + min(len(query), self._limits.characters) // CHARACTERS_PER_COST

    def operation(self, request: OperationRequest, request_id: str) -> Operation:
        """The operation that a request means. Raises: RequestRefused where the document, the name or the variables can't be used."""
        if trouble := too_many_values(request.variables, self._limits):
            raise too_complex(trouble)
        checked = self._kept.get(request.query)
        if checked:
            self._kept.move_to_end(request.query)
        else:
            checked = self._check(request.query, request_id)
            self._keep(request.query, checked)
        definition = get_operation_ast(checked.document, request.operation_name)
        if definition is None:
            raise refused("BAD_REQUEST", "operationName names no operation of the document, or there are several and it is missing")
        plan = checked.plans[definition.name.value if definition.name else None]
        return Operation(request, checked.document, definition, max(plan.cost(request.variables or {}), LEAST_COST))

    def _check(self, query: str, request_id: str) -> Checked:
        document = self._parsed(query, request_id)
        if trouble := exceeded_at_first(document, self._limits):
            raise too_complex(trouble)
        if not sound(document):
            self._validate(document, SOUND, request_id)
        if trouble := exceeded(document, self._limits):
            raise too_complex(trouble)
        self._validate(document, self._rules, request_id)
        fragments = fragments_of(document)
        plans = {each.name.value if each.name else None: Planner(self._schema, each, fragments).plan() for each in operations_of(document)}
        return Checked(document, plans)

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
        errors = validate(self._schema, document, rules, MOST_ERRORS, hide_suggestions=not self._introspection)
        for mistake in errors:
            # Whatever a rule fell over, it lies in the document.
            mistake.original_error = None
        if errors:
            raise RequestRefused(400, formatted(errors, "GRAPHQL_VALIDATION_FAILED", request_id))

    def _keep(self, query: str, checked: Checked) -> None:
        self._kept[query] = checked
        self._characters += len(query)
        while len(self._kept) > KEPT_DOCUMENTS or self._characters > KEPT_CHARACTERS:
            forgotten, _ = self._kept.popitem(last=False)
            self._characters -= len(forgotten)


def too_complex(message: str, **extensions: Any) -> RequestRefused:
    """The refusal of what would take too much."""
    return RequestRefused(400, [error("QUERY_TOO_COMPLEX", message, **extensions)])
