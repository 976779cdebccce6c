"""The compiler calls every kind of Strawberry resolver as Strawberry would call it."""

import asyncio
from datetime import datetime
from typing import Annotated, Any

import pytest
import strawberry
from graphql import GraphQLSchema
from strawberry.dataloader import DataLoader
from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission, PermissionExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types.info import Info

from schema.fields import represents
from tests.comparison.answers import answer_of, plans_of, result_of
from tests.comparison.inputs import ODD, Filter, Odd
from tests.comparison.values import NOON, Fault


class Row:
    """An object that resolvers return for the type Thing."""

    def __init__(self, name: str = "row", number: int = 1) -> None:
        self.name = name
        self.number = number

    def __repr__(self) -> str:
        return f"<{self.name}>"

    @property
    def failing(self) -> str:
        """An attribute whose getter always raises an exception, for a field that reads the attribute."""
        raise Fault(f"{self.name} fails")


def answering_by_parent(parent: strawberry.Parent[Row]) -> str:
    """Returns the parent object as text. Strawberry passes the object as the parameter that is annotated with `Parent`."""
    return f"parent {parent}"


def answering_by_root(root: strawberry.Parent[Row], info: Info, more: str = "more") -> str:
    """Returns the parent object, which Strawberry passes as the parameter `root`, the field's name and `more`, as text."""
    return f"root {root} {info.field_name} {more}"


def answering_by_self(self: Any, info: Info) -> str:
    """Returns the parent object, which Strawberry passes as the parameter `self`, and a value of the context, as text."""
    return f"self {self} {info.context['who']}"


async def answering_slowly(root: strawberry.Parent[Row]) -> str:
    """Pauses, then returns the parent object as text."""
    await asyncio.sleep(0)
    return f"slowly {root}"


def answering_field_info(info: Info, filter: Filter | None = None) -> str:
    """Returns what `info` says about the field, and whether the argument `filter` is None, as text."""
    selected = [type(each).__name__ for each in info.selected_fields]
    place = info._raw_info.path.as_list()
    return repr([info.field_name, info.python_name, place, info.variable_values, info.operation.operation.value, selected, filter is None])


def answering_renamed(info: Info, from_: Annotated[int, strawberry.argument(name="from")] = 1, camel_case: int = 2) -> str:
    """Returns its arguments as text. In GraphQL, they have the names `from` and `camelCase`."""
    return repr((from_, camel_case))


async def year(self: Any, info: Info) -> str:
    """Pauses, then returns the name of the field and the year of the parent object's attribute `at`."""
    await asyncio.sleep(0)
    return f"{info.field_name} {self.at.year}"


def answering_failing(info: Info) -> str:
    """A resolver that raises an exception."""
    raise Fault("failed")


class Refusing(BasePermission):
    """A permission that refuses everyone."""

    message = "not allowed"

    def has_permission(self, source: Any, info: Any, **arguments: Any) -> bool:
        """Refuse every caller."""
        return False


class Passing(BasePermission):
    """An asynchronous permission that lets everyone pass."""

    async def has_permission(self, source: Any, info: Any, **arguments: Any) -> bool:
        """Pause, then let the caller pass."""
        await asyncio.sleep(0)
        return True


class Loud(FieldExtension):
    """A field extension that changes the resolver's result to capital letters."""

    def resolve(self, next_: Any, source: Any, info: Any, **arguments: Any) -> Any:
        """Call the resolver, and change its result to capital letters."""
        return str(next_(source, info, **arguments)).upper()


def field(resolver: Any, type: Any = str | None, *extensions: FieldExtension) -> Any:
    """Declare a field with this resolver, this GraphQL type and these extensions."""
    return strawberry.field(resolver=resolver, graphql_type=type, extensions=list(extensions))


@strawberry.type
class Thing:
    """A type whose fields use the resolvers, permissions and extensions above."""

    is_type_of = represents(Row)

    name: str
    number: int | None
    failing: str | None
    missing: str | None
    by_parent = field(answering_by_parent)
    by_root = field(answering_by_root)
    by_self = field(answering_by_self)
    slowly = field(answering_slowly)
    field_info = field(answering_field_info)
    renamed = field(answering_renamed)
    refused = field(answering_slowly, str | None, PermissionExtension(permissions=[Refusing()]))
    refused_silently = field(answering_by_parent, str | None, PermissionExtension(permissions=[Refusing()], fail_silently=True))
    passed = field(answering_slowly, str | None, PermissionExtension(permissions=[Passing()]))
    loud = field(answering_by_parent, str | None, Loud())
    class_: int | None = strawberry.field(name="class")
    broken = field(answering_failing)


@strawberry.type
class Other:
    """A type whose objects are instances of this class itself."""

    at: datetime

    @strawberry.field
    def sum(self, a: int = 1, b: int = 2) -> int:
        """A resolver that is a method of the type."""
        return a + b

    later = field(year, str, PermissionExtension(permissions=[Passing()]))


Either = Annotated[Thing | Other, strawberry.union("Either")]


@strawberry.type
class Query:
    """The root type of the test schema."""

    thing = field(lambda: Row(), Thing | None)
    other = field(lambda: Other(at=NOON), Other)
    either = field(lambda: [Row(), Other(at=NOON), strawberry.cast(Other, Row()), 5], list[Either | None])
    wrong = field(lambda: "no row", Thing | None)


def built() -> GraphQLSchema:
    """Build the test schema."""
    schema: GraphQLSchema = strawberry.Schema(Query, config=StrawberryConfig(scalar_map={Odd: ODD}))._schema
    return schema


SCHEMA = built()
CASES: dict[str, tuple[str, Any]] = {
    "name number": ("", {"name": "row", "number": 1}),
    "byParent": ("", {"byParent": "parent <row>"}),
    'byRoot a: byRoot(more: "x")': ("", {"byRoot": "root <row> byRoot more", "a": "root <row> byRoot x"}),
    "bySelf": ("", {"bySelf": "self <row> somebody"}),
    "slowly": ("", {"slowly": "slowly <row>"}),
    "renamed(from: 5) a: renamed(camelCase: 7)": ("", {"renamed": "(5, 2)", "a": "(1, 7)"}),
    "refusedSilently": ("", {"refusedSilently": None}),
    "passed": ("", {"passed": "slowly <row>"}),
    "loud": ("", {"loud": "PARENT <ROW>"}),
    "a: failing": ("row fails", {"a": None}),
    "a: missing": ("'Row' object has no attribute 'missing'", {"a": None}),
    "a: class": ("'Row' object has no attribute 'class_'", {"a": None}),
    "a: refused": ("not allowed", {"a": None}),
    "a: broken": ("failed", {"a": None}),
}


@pytest.mark.parametrize("selected", CASES)
async def test_a_field_has_the_result_that_strawberry_gives(selected: str) -> None:
    message, data = CASES[selected]

    answer = await answer_of(SCHEMA, f"{{ thing {{ {selected} }} }}", context={"who": "somebody"})

    assert answer.data == {"thing": data}
    assert answer.failed == ({"thing.a": message} if message else {})


async def test_info_describes_the_field_of_the_resolver() -> None:
    text = "query Q($x: Int = 3, $y: Boolean!) { thing { other: fieldInfo(filter: { number: $x }) @include(if: $y) } }"

    answer = await answer_of(SCHEMA, text, variables={"y": True})

    assert answer.data["thing"]["other"] == "['fieldInfo', 'field_info', ['thing', 'other'], {'x': 3, 'y': True}, 'query', ['SelectedField'], False]"


async def test_the_type_of_a_union_is_decided_by_the_object() -> None:
    answer = await answer_of(SCHEMA, "{ either { __typename ... on Thing { name } ... on Other { at } } wrong { name } }")

    assert answer.data["either"][:2] == [{"__typename": "Thing", "name": "row"}, {"__typename": "Other", "at": "2026-03-02T12:00:00+00:00"}]
    assert answer.data["either"][3] is answer.data["wrong"] is None
    assert {"either.3", "wrong"} <= answer.failed.keys()


async def test_resolvers_that_are_methods_of_a_strawberry_type_are_called() -> None:
    answer = await answer_of(SCHEMA, "{ other { sum a: sum(a: 5) later at } }")

    assert answer.data == {"other": {"sum": 3, "a": 7, "later": "later 2026", "at": "2026-03-02T12:00:00+00:00"}}


async def test_a_data_loader_loads_all_items_in_one_batch() -> None:
    batches = []

    async def load(keys: list[int]) -> list[str]:
        batches.append(keys)
        return [f"loaded {key}" for key in keys]

    async def answering_loaded(root: strawberry.Parent[Row], info: Info) -> str:
        found: str = await info.context.load(root.number)
        return found

    @strawberry.type
    class Item:
        """A type with a field that uses the loader."""

        is_type_of = represents(Row)
        loaded = field(answering_loaded, str)

    @strawberry.type
    class Items:
        """The root type: a list of five items, whose loads the loader must batch."""

        all = field(lambda: [Row(number=number) for number in range(5)], list[Item])

    plans = plans_of(strawberry.Schema(Items)._schema, "{ all { loaded } }")

    answer = await result_of(plans, context=DataLoader(load))

    assert answer.data == {"all": [{"loaded": f"loaded {number}"} for number in range(5)]}
    assert batches == [[0, 1, 2, 3, 4]]
