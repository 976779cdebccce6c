"""Chooses, compiles and caches the plans of operations. graphql-core executes operations that can't be compiled.

For the terms, see compiler/README.md.
"""

import logging
from collections.abc import Awaitable, Hashable, Iterator
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    FragmentDefinitionNode,
    GraphQLSchema,
    Node,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    execute,
)
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.values import VariableValues
from graphql.language import DirectiveNode
from graphql.language.ast import QUERY_DOCUMENT_KEYS

from compiler.calls import Calls
from compiler.checks import NO_SERIALIZERS, Checks, Serializers
from compiler.functions import Codes
from compiler.plan import Plan
from compiler.recent import Recent
from compiler.run import UNLIMITED, CompiledOperation, Limit, Run
from compiler.source import NotCompilable, Writer
from compiler.variables import Variables

logger = logging.getLogger(__name__)

MAX_PLANS = 512
# The maximum size of the source of all cached plans together. Each line of source makes several small objects, and each full run of the garbage
# collector visits all of these objects. So a larger cache would slow down all requests.
MAX_SOURCE_CHARACTERS = 1_000_000
CONDITIONAL = ("skip", "include")
NOT_COMPILED = ("defer", "stream", "experimental_disableErrorPropagation")


class Compiler:
    """Compiles the operations of a schema. All operations share one cache of plans, which drops the plans that were used least recently."""

    def __init__(
        self, schema: GraphQLSchema, *, hide_suggestions: bool = False, serializers: Serializers = NO_SERIALIZERS, limit: Limit = UNLIMITED
    ) -> None:
        """`hide_suggestions`: whether error messages leave out similar names of the schema. `limit`: how many items all lists of a response may have.

        `serializers`: functions that serialize scalars, which plans may call directly (see `Checks`).
        """
        self.schema = schema
        self.hide_suggestions = hide_suggestions
        self.limit = limit
        self.checks = Checks(serializers)
        self.codes = Codes()
        self.cached = Recent[Hashable, Plan](MAX_PLANS, MAX_SOURCE_CHARACTERS)

    def plans(self, document: DocumentNode, definition: OperationDefinitionNode) -> "Plans":
        """The plans of one operation of a valid document. They are compiled when they are first needed."""
        return Plans(self, document, definition)


class Plans:
    """The plans of one operation.

    There is one plan for each combination of the values of the variables in `@skip` and `@include`, and of the variant of the schema's guards.

    `refused`: why graphql-core has to execute the operation; None as long as no reason is found. `everything`: values of the variables in `@skip` and
    `@include` with which the operation selects all of its fields.
    """

    def __init__(self, compiler: Compiler, document: DocumentNode, definition: OperationDefinitionNode) -> None:
        fragments = [each for each in document.definitions if isinstance(each, FragmentDefinitionNode)]
        named = {each.name.value: each for each in fragments}
        self._compiler = compiler
        self._document = document
        self._operation = CompiledOperation(compiler.schema, definition, named, compiler.hide_suggestions)
        self._fragments = {name: FragmentDetails(fragment) for name, fragment in named.items()}
        # `conditions_in` finds the variables in the conditions of all operations of the document. Only this operation's own variables matter.
        declared = {each.variable.name.value for each in definition.variable_definitions or ()}
        # For each variable in `@skip` or `@include`: the value with which the operation selects the field. With all of these values together, the
        # operation selects all of its fields, unless the same variable is in a `@skip` and in an `@include`.
        self.everything = {name: including for name, including in conditions_in(document) if name in declared}
        self._conditions = tuple(self.everything)
        self._variables = Variables(self._operation)
        self.refused: str | None = not_compiled(document)

    def execute(
        self, root: Any, context: Any, variables: dict[str, Any] | None = None, variant: Hashable = None
    ) -> ExecutionResult | Awaitable[ExecutionResult]:
        """Execute the operation. `variables` are the values as the client sent them. `variant`: the caller's variant, if the schema has guards.

        Returns an ExecutionResult if no resolver has to be awaited, else an awaitable of one. A caller that doesn't await that
        awaitable must call its `close`.
        """
        raw = variables or {}
        if self.refused:
            return self._by_graphql_core(root, context, raw)
        values = self._variables.plain_values(raw)
        coerced: VariableValues | None = None
        if values is None:
            coerced_or_errors = self._operation.coerced(raw)
            if isinstance(coerced_or_errors, list):
                return ExecutionResult(None, coerced_or_errors)
            coerced, values = coerced_or_errors, coerced_or_errors.coerced
        plan = self.plan(values, variant)
        if not plan:
            return self._by_graphql_core(root, context, raw)
        run = Run(self._operation, plan.selected, self._compiler.limit, root, context, raw, values)
        run.values = coerced
        return plan.execute(run)

    def plan(self, values: dict[str, Any], variant: Hashable = None) -> Plan | None:
        """The plan for these values of the variables. Compiles it if it is not cached. None: graphql-core has to execute the operation."""
        chosen = tuple(values.get(name) for name in self._conditions)
        key = (self, chosen, variant)
        if plan := self._compiler.cached.get(key):
            return plan
        # A condition that is not a boolean is an error. graphql-core executes the operation and reports it.
        if self.refused or not all(isinstance(value, bool) for value in chosen):
            return None
        try:
            plan = self._compiled(dict(zip(self._conditions, chosen, strict=True)), variant)
        except NotCompilable as refused:
            self.refused = str(refused)
            return None
        except Exception:
            # A bug of the compiler must not make a request fail: graphql-core executes the operation instead.
            logger.exception("an operation could not be compiled")
            self.refused = "it could not be compiled"
            return None
        self._compiler.cached.keep(key, plan, len(plan.source))
        return plan

    def _compiled(self, chosen: dict[str, Any], variant: Hashable) -> Plan:
        operation, compiler = self._operation, self._compiler
        calls = Calls(compiler.schema, variant)
        writer = Writer(operation, self._fragments, VariableValues({}, chosen), calls, compiler.checks, compiler.codes)
        roots = writer.roots()
        return Plan("\n\n".join(writer.texts), frozenset(writer.selected), roots, operation.definition.operation is OperationType.MUTATION)

    def _by_graphql_core(self, root: Any, context: Any, raw: dict[str, Any]) -> ExecutionResult | Awaitable[ExecutionResult]:
        name = self._operation.definition.name
        return execute(
            self._compiler.schema,
            self._document,
            root,
            context,
            raw,
            name.value if name else None,
            hide_suggestions=self._compiler.hide_suggestions,
        )


def not_compiled(document: DocumentNode) -> str | None:
    """The reason why no operation of this document can be compiled; None if the document contains no such reason."""
    if any(isinstance(each, FragmentDefinitionNode) and each.variable_definitions for each in document.definitions):
        return "variables of fragments"
    return next((f"@{each.name.value}" for each in directives_in(document) if each.name.value in NOT_COMPILED), None)


def conditions_in(document: DocumentNode) -> Iterator[tuple[str, bool]]:
    """The variables in `@skip` and `@include`. Each comes with the value that includes its selection: False for `@skip`, True for `@include`."""
    for directive in directives_in(document):
        if directive.name.value in CONDITIONAL:
            for argument in directive.arguments or ():
                if isinstance(argument.value, VariableNode):
                    yield argument.value.name.value, directive.name.value == "include"


def directives_in(document: DocumentNode) -> Iterator[DirectiveNode]:
    """All directives of a document."""
    pending: list[Node] = [document]
    while pending:
        node = pending.pop()
        if isinstance(node, DirectiveNode):
            yield node
        for key in QUERY_DOCUMENT_KEYS.get(node.kind, ()):
            child = getattr(node, key)
            pending.extend(child if isinstance(child, tuple | list) else [child] if child else ())
