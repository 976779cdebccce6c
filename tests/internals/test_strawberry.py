"""Tests where Strawberry's schema keeps the definitions and resolvers that the compiler reads and replaces. See `docs/libraries.md`."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Any, cast

import pytest
import strawberry
from graphql import (
    ExecutionResult,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    Undefined,
    execute,
    parse,
)
from strawberry.dataloader import DataLoader
from strawberry.relay.types import GlobalID
from strawberry.scalars import is_scalar
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import convert_argument, convert_arguments
from strawberry.types.base import StrawberryMaybe, StrawberryOptional, has_object_definition
from strawberry.types.enum import StrawberryEnumDefinition
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Colour(Enum):
    """An enum that is not decorated with `strawberry.enum`, like the enums in `domain/`, which does not import Strawberry."""

    RED = "red"


class Row:
    """An object of a class that is not decorated with Strawberry, like the classes in `domain/`."""

    __slots__ = ("name",)

    def __init__(self, name: str = "row") -> None:
        self.name = name


class Represents:
    """An `is_type_of` with the attribute `classes`, which the compiler reads (see compiler/README.md). Strawberry must not lose this attribute."""

    classes = (Row,)

    def __call__(self, value: object, info: object) -> bool:
        return isinstance(value, Row)


@strawberry.interface
class Named:
    """An interface of the test schema."""

    name: str


@strawberry.type
class Thing(Named):
    """A type whose objects are instances of Row."""

    is_type_of = Represents()


@strawberry.type
class Other:
    """A type without `is_type_of`: its objects are instances of this class itself."""

    name: str


def counted(root: strawberry.Parent[object], info: strawberry.Info, how_many: int = 1, colour: Colour | None = None) -> int:
    """A resolver with the parameters `root`, `info` and two arguments."""
    return how_many


async def waited(self: object) -> int:
    """An async resolver with the parameter `self`."""
    return 1


async def events(info: strawberry.Info) -> AsyncGenerator[int, None]:
    """A resolver that makes the events of a subscription."""
    for number in range(2):
        yield number


@strawberry.type
class Query:
    """The root type of queries, with all kinds of fields."""

    basic: int
    at: datetime
    counted = strawberry.field(resolver=counted, graphql_type=int, metadata={"cost": 1})
    waited = strawberry.field(resolver=waited, graphql_type=int)
    named: Named
    either: Annotated[Thing | Other, strawberry.union("Either")]


@strawberry.type
class Subscription:
    """The root type of subscriptions."""

    events = strawberry.subscription(resolver=events, graphql_type=int)


DATE_TIME = strawberry.scalar(name="DateTime", serialize=datetime.isoformat, parse_value=datetime.fromisoformat)
STRAWBERRY = strawberry.Schema(Query, subscription=Subscription, config=StrawberryConfig(scalar_map={datetime: DATE_TIME}))
SCHEMA: GraphQLSchema = STRAWBERRY._schema


def definition(name: str) -> StrawberryField:
    """Strawberry's definition of the query field with this name."""
    assert SCHEMA.query_type
    found = SCHEMA.query_type.fields[name].extensions["strawberry-definition"]
    assert isinstance(found, StrawberryField)
    return found


def resolver(name: str) -> Any:
    """The resolver that Strawberry passes to graphql-core for the query field with this name."""
    assert SCHEMA.query_type
    return SCHEMA.query_type.fields[name].resolve


def test_strawberrys_schema_and_graphql_cores_refer_to_each_other() -> None:
    assert isinstance(STRAWBERRY._schema, GraphQLSchema)
    assert getattr(SCHEMA, "_strawberry_schema", None) is STRAWBERRY
    assert isinstance(STRAWBERRY.schema_converter, GraphQLCoreConverter)


def test_strawberrys_fields_keep_their_definition_and_its_metadata() -> None:
    assert GraphQLCoreConverter.DEFINITION_BACKREF == "strawberry-definition"
    assert definition("counted").metadata["cost"] == 1


@pytest.mark.parametrize("name", ["basic", "counted", "waited"])
def test_strawberrys_resolvers_have_the_qualified_name(name: str) -> None:
    assert resolver(name).__qualname__.startswith("GraphQLCoreConverter.from_resolver.<locals>.")


def test_strawberrys_resolver_holds_the_exception_handlers_in_its_closure() -> None:
    code, cells = resolver("counted").__code__, resolver("counted").__closure__

    held = dict(zip(code.co_freevars, cells, strict=True))

    assert not held["field_exception_handlers"].cell_contents


def test_strawberrys_fields_return_an_attribute_or_call_the_resolver() -> None:
    basic, called = definition("basic"), definition("counted")

    assert basic.default_resolver is getattr
    assert (basic.base_resolver, basic.python_name) == (None, "basic")
    assert type(basic).get_result is StrawberryField.get_result
    assert basic.get_result(Query(basic=5, at=NOON, named=Thing(name="a"), either=Thing(name="a")), None, [], {}) == 5
    assert called.get_result(None, None, [], {"root": None, "info": None, "how_many": 7}) == 7
    assert list(called.extensions) == []


def test_strawberrys_resolver_names_its_parameters() -> None:
    plain, own = definition("counted").base_resolver, definition("waited").base_resolver

    assert plain
    assert own
    assert type(plain).__call__ is StrawberryResolver.__call__
    assert plain.wrapped_func is counted
    assert [each and each.name for each in (plain.parent_parameter, plain.info_parameter, plain.self_parameter)] == ["root", "info", None]
    assert plain.root_parameter is None or plain.root_parameter.name == "root"
    assert own.self_parameter


def test_strawberrys_info_is_made_of_a_raw_info_and_a_field() -> None:
    raw = cast("Any", type("Raw", (), {"context": "the context"})())

    info = STRAWBERRY.schema_converter.config.info_class(_raw_info=raw, _field=definition("counted"))

    assert info._raw_info is raw
    assert info.context == "the context"


def test_strawberrys_resolver_of_a_subscription_returns_the_event() -> None:
    assert SCHEMA.subscription_type
    field = SCHEMA.subscription_type.fields["events"]
    assert field.resolve

    assert field.resolve.__qualname__ == "GraphQLCoreConverter.from_field.<locals>.<lambda>"
    assert field.resolve("event", cast("Any", None)) == "event"
    assert field.subscribe


@pytest.mark.parametrize(
    ("name", "prefix"), [("Either", "StrawberryUnion.get_type_resolver.<locals>."), ("Named", "GraphQLCoreConverter.from_interface.<locals>.")]
)
def test_strawberrys_abstract_types_resolve_with_the_qualified_name(name: str, prefix: str) -> None:
    resolve_type: Any = getattr(SCHEMA.type_map[name], "resolve_type", None)

    assert resolve_type.__qualname__.startswith(prefix)


def test_strawberry_keeps_the_is_type_of_of_a_class_unchanged() -> None:
    thing = SCHEMA.type_map["Thing"]

    assert isinstance(thing, GraphQLObjectType)
    assert isinstance(thing.is_type_of, Represents)


def test_strawberry_resolves_objects_of_other_classes_by_is_type_of() -> None:
    result = cast(
        "ExecutionResult",
        execute(SCHEMA, parse("{ either { __typename } named { __typename name } }"), type("Root", (), {"either": Row(), "named": Row()})),
    )

    assert result == ExecutionResult({"either": {"__typename": "Thing"}, "named": {"__typename": "Thing", "name": "row"}}, None)


def test_strawberry_stores_the_type_of_a_cast_object_in_its_dictionary() -> None:
    class Open:
        """A class without `__slots__`, so its objects have a `__dict__`."""

    cast_object = strawberry.cast(Thing, Open())

    assert len(vars(cast_object)) == 1
    with pytest.raises(AttributeError):
        strawberry.cast(Thing, Row())


def test_strawberrys_own_classes_are_recognized() -> None:
    assert has_object_definition(Thing)
    assert not has_object_definition(Row)


def test_strawberry_converts_arguments_by_their_definitions() -> None:
    converter, arguments = STRAWBERRY.schema_converter, definition("counted").arguments
    named = {converter.config.name_converter.from_argument(each): each for each in arguments}

    one = convert_argument(3, named["howMany"].type, converter.scalar_registry, converter.config)
    every = convert_arguments(
        {"howMany": 3, "colour": Colour.RED},
        arguments,
        scalar_registry=converter.scalar_registry,
        config=converter.config,
        info=cast("Any", None),
    )

    assert (one, every) == (3, {"how_many": 3, "colour": Colour.RED})
    assert named["howMany"].python_name == "how_many"


def test_strawberrys_types_of_arguments_are_recognized() -> None:
    how_many, colour = definition("counted").arguments
    optional: Any = colour.type

    assert is_scalar(how_many.type, STRAWBERRY.schema_converter.scalar_registry)
    assert is_scalar(GlobalID, STRAWBERRY.schema_converter.scalar_registry)
    assert isinstance(optional, StrawberryOptional)
    assert not isinstance(optional, StrawberryMaybe)
    assert isinstance(optional.of_type, StrawberryEnumDefinition)
    assert issubclass(StrawberryMaybe, StrawberryOptional)


def test_strawberry_keeps_the_definition_of_an_enum_on_its_class() -> None:
    class Fruit(Enum):
        """An enum whose GraphQL definition this test changes."""

        APPLE = "apple"

    @strawberry.type
    class Basket:
        fruit: Fruit

    if "__strawberry_definition__" not in vars(Fruit):
        strawberry.enum(Fruit)
    renamed: StrawberryEnumDefinition = vars(Fruit)["__strawberry_definition__"]
    renamed.name, renamed.description, renamed.values[0].description = "Kind", "A kind.", "Red."

    sdl = strawberry.Schema(Basket).as_str()

    assert '"""A kind."""\nenum Kind {\n  """Red."""\n  APPLE\n}' in sdl


def test_strawberrys_enums_have_their_python_class_and_the_names_of_their_members() -> None:
    enum: Any = SCHEMA.type_map["Colour"]

    assert enum.wrapped_cls is Colour
    assert enum.coerce_output_value(Colour.RED) == "RED"


def test_strawberrys_scalars_coerce_with_the_function_that_they_were_given() -> None:
    scalar = SCHEMA.type_map["DateTime"]

    assert isinstance(scalar, GraphQLScalarType)
    assert scalar.coerce_output_value == datetime.isoformat


def test_strawberry_prints_defaults_of_arguments_that_were_changed_later() -> None:
    schema = strawberry.Schema(Query)
    assert schema._schema.query_type
    argument = schema._schema.query_type.fields["counted"].args["colour"]
    before = argument.default_value

    argument.default_value = Undefined

    assert before is None
    assert "colour: Colour)" in schema.as_str()


def test_strawberry_calls_a_replaced_resolver() -> None:
    schema = strawberry.Schema(Query)._schema
    assert schema.query_type
    schema.query_type.fields["basic"].resolve = lambda source, info: 99

    assert execute(schema, parse("{ basic }")) == ExecutionResult({"basic": 99}, None)


async def test_strawberrys_loader_reads_once_for_all_keys_of_a_turn() -> None:
    async def load(keys: list[int]) -> list[int]:
        batches.append(keys)
        return keys

    batches: list[list[int]] = []
    loader = DataLoader(load)

    values = await asyncio.gather(asyncio.shield(loader.load(1)), loader.load(2), loader.load(1))

    assert (list(values), batches) == ([1, 2, 1], [[1, 2]])
