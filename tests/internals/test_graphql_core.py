"""Tests how graphql-core limits documents, coerces values, and reports errors, and the functions that the compiler calls. See `docs/libraries.md`."""

import asyncio
import inspect
from collections.abc import AsyncGenerator
from traceback import walk_tb
from typing import Any, cast

import pytest
from graphql import (
    GRAPHQL_MAX_INT,
    DirectiveNode,
    DocumentNode,
    ExecutionResult,
    Executor,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLBoolean,
    GraphQLDeferDirective,
    GraphQLDirective,
    GraphQLError,
    GraphQLFloat,
    GraphQLID,
    GraphQLIncludeDirective,
    GraphQLInt,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLResolveInfoHelpers,
    GraphQLScalarType,
    GraphQLSkipDirective,
    GraphQLStreamDirective,
    GraphQLString,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    build_schema,
    create_source_event_stream,
    execute,
    located_error,
    parse,
    specified_rules,
    validate,
)
from graphql.execution.collect_fields import FragmentDetails, collect_fields, collect_subfields
from graphql.execution.values import VariableValues, coerce_argument, get_argument_values, get_variable_values
from graphql.language.ast import QUERY_DOCUMENT_KEYS
from graphql.pyutils import Path, gather_with_cancel, is_async_iterable, is_awaitable, is_iterable
from graphql.pyutils import inspect as shown
from graphql.type.directives import GraphQLDisableErrorPropagationDirective

from tests.internals.connections import (
    run_ready_tasks,
)

SDL = """
    interface Named { name: String }
    type Dog implements Named { name: String }
    type Cat { name: String }
    union Pet = Dog
    input Point { x: Int! y: Int = 2 }
    type Query {
      required: String!
      list: [Int]
      number: Int
      dog: Dog
      cat: Cat
      named: Named
      pet: Pet
      point(at: Point, times: Int = 3): String
    }
    type Subscription { ticks(until: Int!): Int }
"""
CORE = build_schema(SDL)


def operation(text: str) -> tuple[DocumentNode, OperationDefinitionNode]:
    """Parse a document. Returns the document and its first operation."""
    document = parse(text)
    [definition, *_] = document.definitions
    assert isinstance(definition, OperationDefinitionNode)
    return document, definition


def first_field(definition: OperationDefinitionNode) -> FieldNode:
    """The first field of an operation."""
    field = definition.selection_set.selections[0]
    assert isinstance(field, FieldNode)
    return field


def failure(query: str, root: object) -> str:
    """Execute a query by graphql-core. Returns the message of the first error."""
    result = execute(CORE, parse(query), root)
    assert isinstance(result, ExecutionResult)
    assert result.errors
    return result.errors[0].message


@pytest.mark.parametrize("limit", ["max_lexical_tokens", "max_comments"])
def test_graphql_core_reports_document_contains_more_than_a_limit(limit: str) -> None:
    text = "{ a b c d }" if limit == "max_lexical_tokens" else "# 1\n# 2\n# 3\n{ a }"

    with pytest.raises(GraphQLSyntaxError, match="Document contains more than 2"):
        parse(text, **cast("Any", {limit: 2}))


def test_graphql_core_does_not_count_comments_as_lexical_tokens() -> None:
    parse("# 1\n# 2\n# 3\n{ a }", max_lexical_tokens=3)


def test_graphql_core_hides_suggestions_on_request() -> None:
    [error] = validate(CORE, parse("{ numbr }"), specified_rules, 10, hide_suggestions=True)

    assert error.message == "Cannot query field 'numbr' on type 'Query'."


def test_graphql_core_stops_after_the_given_number_of_errors() -> None:
    errors = validate(CORE, parse("{ a b c d }"), specified_rules, 2)

    assert len(errors) <= 3


def test_graphql_core_names_the_children_of_nodes_by_kind() -> None:
    document, definition = operation("query($a: Int) { point(at: { x: $a }) @skip(if: true) { n } }")

    assert QUERY_DOCUMENT_KEYS[document.kind] == ("definitions",)
    assert {"variable_definitions", "directives", "selection_set"} <= set(QUERY_DOCUMENT_KEYS[definition.kind])
    assert {"alias", "name", "arguments", "directives", "selection_set"} <= set(QUERY_DOCUMENT_KEYS[first_field(definition).kind])
    assert isinstance(first_field(definition).arguments, tuple)
    assert isinstance((first_field(definition).directives or ())[0], DirectiveNode)


def test_graphql_core_collects_fields_with_their_nodes_in_order() -> None:
    document, definition = operation("{ b: number ...f number @skip(if: $no) dog { name } } fragment f on Query { b: number list }")
    fragments = {each.name.value: FragmentDetails(each) for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    variables = VariableValues({}, {"no": True})
    dog = CORE.type_map["Dog"]
    assert CORE.query_type
    assert isinstance(dog, GraphQLObjectType)

    grouped = collect_fields(CORE, fragments, variables, CORE.query_type, definition, True).grouped_field_set
    below = collect_subfields(CORE, fragments, variables, definition, dog, grouped["dog"], True).grouped_field_set

    assert [(key, len(details)) for key, details in grouped.items()] == [("b", 2), ("list", 1), ("dog", 1)]
    assert grouped["b"][0].node is first_field(definition)
    assert list(below) == ["name"]


def test_graphql_core_coerces_variables_to_values_or_a_list_of_errors() -> None:
    _, definition = operation("query($a: Int = 5, $b: Int!) { point }")

    values = get_variable_values(CORE, definition.variable_definitions or (), {"b": 1}, max_errors=50, hide_suggestions=True)
    errors = get_variable_values(CORE, definition.variable_definitions or (), {"b": "x"}, max_errors=50, hide_suggestions=True)

    assert isinstance(values, VariableValues)
    assert values.coerced == {"a": 5, "b": 1}
    assert isinstance(errors, list)
    # An error of a wrong variable has no path. Its `original_error` is None, or another GraphQLError without `original_error`. The gateway recognizes
    # such an error by these two properties.
    cause = errors[0].original_error
    assert errors[0].path is None
    assert cause is None or (isinstance(cause, GraphQLError) and cause.original_error is None)


def test_graphql_core_coerces_arguments_one_by_one_and_all_together() -> None:
    _, definition = operation("query($t: Int) { point(at: { x: 1 }, times: $t) }")
    assert CORE.query_type
    field, node = CORE.query_type.fields["point"], first_field(definition)
    one: dict[str, Any] = {}

    coerce_argument(one, node, "at", field.args["at"], (node.arguments or ())[0], VariableValues({}, {}), None)
    every = get_argument_values(field, node, VariableValues({}, {}), None, True)

    assert one == {"at": {"x": 1, "y": 2}}
    assert every == {"at": {"x": 1, "y": 2}, "times": 3}


@pytest.mark.parametrize(
    "query",
    [
        "query($v: Int = 1) { required point(at: { x: $v }) }",
        "query($v: Boolean = true) { dog { name @skip(if: $v) } }",
        "query($v: Boolean = true) { number @include(if: $v) }",
    ],
)
def test_graphql_core_coerces_the_arguments_of_fields_and_directives_in_get_argument_values(query: str) -> None:
    result = execute(CORE, parse(query), {"required": "", "dog": {}}, variable_values={"v": None})

    assert isinstance(result, ExecutionResult)
    assert result.errors
    [error] = result.errors
    cause: Any = error.original_error or error
    assert get_argument_values.__code__ in [frame.f_code for frame, _ in walk_tb(cause.__traceback__)]


@pytest.mark.parametrize(
    ("type", "value"),
    [(GraphQLString, "a"), (GraphQLID, "a"), (GraphQLInt, GRAPHQL_MAX_INT), (GraphQLFloat, 0.5), (GraphQLBoolean, True)],
    ids=str,
)
def test_graphql_core_leaves_a_plain_value_unchanged(type: GraphQLScalarType, value: object) -> None:
    assert type.coerce_output_value(value) is value
    assert type.coerce_input_value(value) is value
    # The compiler recognizes the standard scalars by these methods. Each must be usable as a key of a dictionary, and reading the attribute again
    # must give an equal key.
    assert {type.coerce_output_value: 1}[type.coerce_output_value] == 1
    assert {type.coerce_input_value: 1}[type.coerce_input_value] == 1


@pytest.mark.parametrize(("type", "value"), [(GraphQLInt, GRAPHQL_MAX_INT + 1), (GraphQLFloat, float("inf")), (GraphQLFloat, float("nan"))], ids=str)
def test_graphql_core_refuses_a_number_outside_of_its_type(type: GraphQLScalarType, value: object) -> None:
    with pytest.raises(GraphQLError):
        type.coerce_output_value(value)


def test_graphql_core_completes_a_leaf_without_an_executor() -> None:
    assert Executor.complete_leaf_value(GraphQLInt, 5) == 5
    with pytest.raises(GraphQLError, match="Int cannot represent"):
        Executor.complete_leaf_value(GraphQLInt, "x")


def test_graphql_cores_resolve_info_has_these_fields_in_this_order() -> None:
    assert GraphQLResolveInfo._fields == (
        "field_name",
        "field_nodes",
        "return_type",
        "parent_type",
        "path",
        "schema",
        "fragments",
        "root_value",
        "operation",
        "variable_values",
        "context",
        "is_awaitable",
        "abort_signal",
        "async_helpers",
    )
    assert GraphQLResolveInfoHelpers._fields == ("gather", "track")


def test_graphql_cores_path_is_a_chain_of_keys_with_type_names() -> None:
    path = Path(Path(Path(None, "list", "Query"), 0, None), "name", "Dog")

    assert path.as_list() == ["list", 0, "name"]


async def test_graphql_core_gathers_and_cancels_the_others_when_one_fails() -> None:
    async def fail() -> None:
        raise ValueError("failed")

    other = asyncio.ensure_future(asyncio.sleep(10))

    with pytest.raises(ValueError, match="failed"):
        await gather_with_cancel(fail(), other)

    assert other.cancelled()


def test_graphql_core_distinguishes_awaitables_and_iterables() -> None:
    async def generate() -> AsyncGenerator[int, None]:
        yield 1

    coroutine = run_ready_tasks(0)
    waitable: Any = coroutine
    generator = generate()

    assert is_awaitable(waitable)
    assert not is_awaitable([])
    assert is_iterable([])
    assert not is_iterable("text")
    assert is_async_iterable(generator)
    coroutine.close()


@pytest.mark.parametrize(
    ("query", "root", "message"),
    [
        ("{ required }", {}, "Cannot return null for non-nullable field Query.required."),
        ("{ list }", {"list": 5}, "Expected Iterable, but did not find one for field 'Query.list'."),
        (
            "{ named { name } }",
            {"named": {}},
            "Abstract type 'Named' must resolve to an Object type at runtime for field 'Query.named'. Either the 'Named' type should provide a "
            "'resolve_type' function or each possible type should provide an 'is_type_of' function.",
        ),
        ("{ pet { __typename } }", {"pet": {"__typename": "Cat"}}, "Runtime Object type 'Cat' is not a possible type for 'Pet'."),
        (
            "{ pet { __typename } }",
            {"pet": {"__typename": "Cow"}},
            "Abstract type 'Pet' was resolved to a type 'Cow' that does not exist inside the schema.",
        ),
        ("{ pet { __typename } }", {"pet": {"__typename": "Named"}}, "Abstract type 'Pet' was resolved to a non-object type 'Named'."),
    ],
)
def test_graphql_core_has_the_compilers_wording_of_an_error(query: str, root: object, message: str) -> None:
    assert failure(query, root) == message


def test_graphql_core_has_the_compilers_wording_for_a_value_of_the_wrong_type() -> None:
    schema = build_schema(SDL)
    cat = schema.type_map["Cat"]
    assert isinstance(cat, GraphQLObjectType)
    cat.is_type_of = lambda value, info: False

    result = execute(schema, parse("{ cat { name } }"), {"cat": 5})

    assert isinstance(result, ExecutionResult)
    assert result.errors
    assert result.errors[0].message == f"Expected value of type 'Cat' but got: {shown(5)}."


def test_graphql_core_locates_an_error_by_nodes_and_path() -> None:
    cause = ValueError("cause")
    _, definition = operation("{ number }")

    error = located_error(cause, [first_field(definition)], ["number"])

    assert (error.original_error, error.path, error.message) == (cause, ["number"], "cause")
    assert error.formatted == {"message": "cause", "locations": [{"line": 1, "column": 3}], "path": ["number"]}


def test_graphql_cores_errors_can_drop_their_cause_and_traceback() -> None:
    error = GraphQLError("message", original_error=ValueError())

    error.original_error = None
    error.__traceback__ = error.__context__ = None

    assert error.original_error is None


async def test_graphql_core_makes_the_events_of_a_subscription_from_an_executor() -> None:
    async def ticks(root: Any, info: GraphQLResolveInfo[Any], until: int) -> AsyncGenerator[int, None]:
        for number in range(until):
            yield info.context + number

    schema = build_schema(SDL)
    assert schema.subscription_type
    schema.subscription_type.fields["ticks"].subscribe = ticks
    document = parse("subscription s($n: Int!) { ticks(until: $n) }")

    executor = Executor.build(schema, document, context_value=10, raw_variable_values={"n": 2}, operation_name="s", hide_suggestions=True)
    refused = Executor.build(schema, document, raw_variable_values={}, operation_name="s")
    assert isinstance(executor, Executor)
    stream: Any = create_source_event_stream(executor)
    stream = await stream if is_awaitable(stream) else stream

    assert [event async for event in stream] == [10, 11]
    assert isinstance(refused, list)


async def test_graphql_core_returns_a_result_if_a_subscription_fails_to_begin() -> None:
    async def failing(root: Any, info: Any, until: int) -> None:
        raise ValueError("no")

    schema = build_schema(SDL)
    assert schema.subscription_type
    schema.subscription_type.fields["ticks"].subscribe = failing
    executor = Executor.build(schema, parse("subscription { ticks(until: 1) }"))
    assert isinstance(executor, Executor)

    stream: Any = create_source_event_stream(executor)
    result = await stream if is_awaitable(stream) else stream

    assert isinstance(result, ExecutionResult)
    assert result.errors


def test_graphql_core_takes_the_arguments_of_execute_in_this_order() -> None:
    names = list(inspect.signature(execute).parameters)

    assert names[:6] == ["schema", "document", "root_value", "context_value", "variable_values", "operation_name"]
    assert "hide_suggestions" in names


@pytest.mark.parametrize("text", ["{a" * 5000 + "}" * 5000, "{a(b:" + "[" * 5000 + "]" * 5000 + ")}"], ids=["selections", "lists"])
def test_graphql_core_reports_deep_nesting_as_a_syntax_error(text: str) -> None:
    with pytest.raises(GraphQLSyntaxError):
        parse(text)


def test_graphql_core_keeps_the_variables_of_a_fragment_on_its_node() -> None:
    document = parse("fragment f($a: Int = 1) on Query { number }", experimental_fragment_arguments=True)
    [fragment] = document.definitions

    assert isinstance(fragment, FragmentDefinitionNode)
    assert fragment.variable_definitions


@pytest.mark.parametrize(
    ("directive", "name"),
    [
        (GraphQLSkipDirective, "skip"),
        (GraphQLIncludeDirective, "include"),
        (GraphQLDeferDirective, "defer"),
        (GraphQLStreamDirective, "stream"),
        (GraphQLDisableErrorPropagationDirective, "experimental_disableErrorPropagation"),
    ],
)
def test_graphql_cores_directive_has_the_name(directive: GraphQLDirective, name: str) -> None:
    assert directive.name == name


def test_graphql_core_lets_an_object_name_its_type_in_a_private_attribute_of_its_class() -> None:
    class Animal:
        __typename = "Dog"
        name = "Rex"

    result = execute(CORE, parse("{ named { __typename } pet { __typename } }"), {"named": Animal(), "pet": {"__typename": "Dog"}})

    assert result == ExecutionResult({"named": {"__typename": "Dog"}, "pet": {"__typename": "Dog"}}, None)
