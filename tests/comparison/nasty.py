"""The nasty schema: it uses the features of Strawberry, and its data fail in every way. For the terms, see tests/comparison/README.md."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Annotated, Any

import strawberry
from graphql import GraphQLSchema
from strawberry.extensions import FieldExtension
from strawberry.permission import PermissionExtension
from strawberry.scalars import JSON
from strawberry.schema.config import StrawberryConfig

from schema.fields import represents
from tests.comparison import resolvers
from tests.comparison.extensions import Allowed, AllowedLater, Around
from tests.comparison.guards import guard
from tests.comparison.inputs import ODD, Odd
from tests.comparison.objects import Bag as BagOfData
from tests.comparison.objects import Cat as CatOfData
from tests.comparison.objects import Constant, Kitten, Machine, Rock
from tests.comparison.objects import Dog as DogOfData
from tests.comparison.resolvers import Info, Pebble
from tests.comparison.values import Color

Resolver = Callable[..., Any]


def field(resolver: Resolver, type: Any = str | None, *extensions: FieldExtension) -> Any:
    """Declare a field with this resolver, this GraphQL type and these extensions."""
    return strawberry.field(resolver=resolver, graphql_type=type, extensions=list(extensions))


def of_dogs(value: object, info: object) -> bool:
    """The `is_type_of` of the type Dog. It has no attribute `classes` (see compiler/README.md), so plans must call it for every object."""
    return isinstance(value, DogOfData)


def of_robots(value: object, info: object) -> bool:
    """The `is_type_of` of the type Robot. The result also depends on an attribute of the value, so executors must not cache it by class."""
    return isinstance(value, Machine) and value.runs


@strawberry.interface
class Named:
    """An interface, which the types Cat, Tabby, Dog and Robot implement."""

    must_text: str
    text: str | None
    color: Color | None
    named: "Named | None"
    all_must_named: "list[Named] | None"


@strawberry.interface
class Living(Named):
    """An interface that implements another interface. The types Cat and Dog implement it."""

    number: int | None
    instant: datetime | None
    living: "Living | None"
    pet: "Pet | None"
    all_later_pet: "list[Pet | None] | None"
    later_must_living: "Living"
    slowly = field(resolvers.slowly)


@strawberry.type
class Cat(Living):
    """A type whose `is_type_of` lists the classes of its objects in the attribute `classes` (see compiler/README.md)."""

    is_type_of = represents(CatOfData)

    must_number: int
    ratio: float | None
    later_text: str | None
    bag: "Bag | None"
    by_self = field(resolvers.by_self)
    counted = field(resolvers.counted, list[int | None])
    fields_of_its_own = field(resolvers.field_info, str)


@strawberry.type
class Tabby(Named):
    """A type for Kitten objects, which can also have the type Cat: the interface or union of the field decides which type a Kitten has."""

    is_type_of = represents(Kitten)

    must_id: strawberry.ID
    thing: "Thing | None"


@strawberry.type
class Dog(Living):
    """A type that has some fields with the same names as those of Cat, but with other types."""

    is_type_of = staticmethod(of_dogs)

    must_number: int
    later_text: str
    bag: "Bag"
    by_self = field(resolvers.by_self, str)


@strawberry.type
class Robot(Named):
    """A type that implements Named, but not Living."""

    is_type_of = staticmethod(of_robots)

    must_id: strawberry.ID
    all_number: list[int | None]
    parcel: "Parcel | None"


@strawberry.type
class Stone:
    """An object type without interfaces. It is a member of a union only."""

    is_type_of = represents(Rock)

    must_ratio: float
    thing: "Thing | None"
    loaded = field(resolvers.loaded)


Pet = Annotated[Cat | Dog | Robot, strawberry.union("Pet")]
Thing = Annotated[Stone | Tabby | Cat, strawberry.union("Thing")]
Found = Annotated[Pebble | Cat, strawberry.union("Found")]


@strawberry.type
class Bag:
    """A type with a field for each scalar and enum: nullable and non-null, synchronous and awaitable."""

    is_type_of = represents(BagOfData)

    text: str | None
    number: int | None
    ratio: float | None
    flag: bool | None
    id: strawberry.ID | None
    color: Color | None
    instant: datetime | None
    odd: Odd | None
    must_text: str
    must_number: int
    must_ratio: float
    must_flag: bool
    must_id: strawberry.ID
    must_color: Color
    must_instant: datetime
    must_odd: Odd
    later_text: str | None
    later_number: int | None
    later_must_ratio: float
    later_must_color: Color
    later_instant: datetime | None
    later_must_odd: Odd
    bag: "Bag | None"
    must_bag: "Bag"
    later_bag: "Bag | None"
    later_must_bag: "Bag"
    constant: "Fixed | None"
    must_constant: "Strict"
    pet: Pet | None
    must_thing: Thing
    slowly = field(resolvers.slowly)
    slowly_must = field(resolvers.slowly, str)
    by_parent = field(resolvers.by_parent)
    by_root = field(resolvers.by_root, str)
    without_info = field(resolvers.without_info)
    promised = field(resolvers.promised)
    loaded = field(resolvers.loaded)
    loading = field(resolvers.loading, str)
    field_info = field(resolvers.field_info)
    breaking = field(resolvers.breaking_off, list[int | None] | None)


@strawberry.type
class Fixed:
    """A type whose objects are identified by their attribute `name`, so plans may cache completed objects (see `key` in compiler/README.md)."""

    is_type_of = represents(Constant, key="name")

    name: str
    text: str | None
    number: int | None
    color: Color
    numbers: list[int | None] | None


@strawberry.type
class Strict:
    """A type like Fixed, without nullable fields.

    The compiler keeps the completed result of an object with a `key`, and uses the result again. If an operation selects `field_info`, the compiler
    must not keep the result, because the value of this field depends on where the object is in the response.
    """

    is_type_of = represents(Constant, key="name")

    text: str
    number: int
    numbers: list[int]
    field_info = field(resolvers.field_info)


@strawberry.type
class Parcel:
    """A type with lists, and lists of lists. The lists, and their items, are nullable in some fields and non-null in others."""

    all_text: list[str | None] | None
    all_number: list[int]
    all_must_number: list[int] | None
    all_must_ratio: list[float]
    all_color: list[Color | None]
    all_must_color: list[Color] | None
    all_instant: list[datetime | None] | None
    all_odd: list[Odd] | None
    all_json = field(lambda: [{"a": [1]}, None, [2.5, "x"]], list[JSON | None] | None)
    all_later_text: list[str | None] | None
    all_later_number: list[int] | None
    all_later_must_number: list[int]
    grid_number: list[list[int | None] | None] | None
    grid_must_number: list[list[int]]
    grid_text: list[list[str] | None]
    grid_must_color: list[list[Color]] | None
    all_bag: list[Bag | None] | None
    all_must_bag: list[Bag]
    all_constant: list[Fixed]
    all_must_constant: list[Strict | None]
    all_later_constant: list[Fixed] | None
    all_later_bag: list[Bag | None]
    all_later_must_bag: list[Bag] | None
    all_named: list[Named | None]
    all_must_living: list[Living]
    all_pet: list[Pet | None] | None
    all_later_must_pet: list[Pet]
    all_thing: list[Thing] | None
    grid_named: list[list[Named | None] | None] | None
    grid_must_thing: list[list[Thing]]
    counted = field(resolvers.counted, list[int | None] | None)
    breaking = field(resolvers.breaking_off, list[int | None])
    counted_must = field(resolvers.counted, list[int])
    counted_later = field(resolvers.counted_async, list[int | None] | None)
    counted_later_must = field(resolvers.counted_async, list[int])


@strawberry.type
class Query:
    """The root type of queries."""

    text: str | None
    number: int | None
    ratio: float | None
    later_text: str | None
    bag: Bag | None
    must_bag: Bag
    later_bag: Bag | None
    parcel: Parcel | None
    later_parcel: Parcel | None
    named: Named | None
    constant: Fixed | None
    later_constant: Fixed | None
    all_constant: list[Fixed | None] | None
    all_must_constant: list[Strict] | None
    all_later_constant: list[Strict | None] | None
    living: Living | None
    later_living: Living | None
    pet: Pet | None
    thing: Thing | None
    all_bag: list[Bag | None] | None
    all_later_bag: list[Bag] | None
    all_pet: list[Pet] | None
    all_named: list[Named | None] | None
    grid_living: list[list[Living | None] | None] | None
    ints = field(resolvers.ints)
    must_ints = field(resolvers.ints, str)
    needed = field(resolvers.needed)
    leaves = field(resolvers.leaves)
    filtered = field(resolvers.filtered)
    defaulted = field(resolvers.defaulted)
    required = field(resolvers.required)
    lists = field(resolvers.lists)
    maybe = field(resolvers.maybe)
    renamed = field(resolvers.renamed)
    either = field(resolvers.either)
    field_info = field(resolvers.field_info)
    variable_sources = field(resolvers.variable_sources)
    by_root = field(resolvers.by_root)
    promised = field(resolvers.promised)
    loaded = field(resolvers.loaded)
    counted = field(resolvers.counted, list[int | None] | None)
    breaking = field(resolvers.breaking_off, list[int | None] | None)
    counted_later = field(resolvers.counted_async, list[int | None] | None)
    pebble = field(resolvers.pebble, Found | None)
    pebbles = field(resolvers.pebbles, list[Found | None] | None)
    allowed = field(resolvers.ints, str | None, PermissionExtension(permissions=[Allowed()]))
    allowed_later = field(resolvers.slowly, str | None, PermissionExtension(permissions=[Allowed(), AllowedLater()]))
    allowed_silently = field(resolvers.ints, str | None, PermissionExtension(permissions=[Allowed()], fail_silently=True))
    allowed_bag = field(lambda root: root.must_bag, Bag, PermissionExtension(permissions=[Allowed()]))
    around = field(resolvers.renamed, str | None, Around())
    around_later = field(resolvers.slowly, str | None, Around(), PermissionExtension(permissions=[Allowed()]))


async def logged(info: Info, name: str, pauses: int) -> None:
    """Write the beginning and the end of a mutation to the log of side effects in the context, and pause between them."""
    info.context.log.append(f"begin {name} at {resolvers.place(info)}")
    for _ in range(pauses % 5):
        await asyncio.sleep(0)
    info.context.log.append(f"end {name}")


async def noted(info: Info, name: str, pauses: int = 0) -> Any:
    """The resolver of the mutations `note` and `noteMust`: pauses, then echoes its argument."""
    await logged(info, name, pauses)
    return resolvers.echoed(info, name)


def noted_at_once(info: Info, name: str = "name") -> Any:
    """The resolver of the mutations that need not be awaited: echoes its argument."""
    info.context.log.append(f"made {name} at {resolvers.place(info)}")
    return resolvers.echoed(info, name)


async def noted_bag(root: resolvers.Row, info: Info, name: str = "bag") -> Any:
    """The resolver of the mutations `noteBag` and `noteMustBag`: pauses, then returns an object."""
    await logged(info, name, 2)
    return root.bag


@strawberry.type
class Mutation:
    """The root type of mutations."""

    note = field(noted)
    note_must = field(noted, str)
    note_at_once = field(noted_at_once)
    note_at_once_must = field(noted_at_once, str)
    note_bag = field(noted_bag, Bag | None)
    note_must_bag = field(noted_bag, Bag)
    note_lists = field(resolvers.lists)
    note_allowed = field(noted_at_once, str | None, PermissionExtension(permissions=[AllowedLater()]))
    all_pet: list[Pet] | None


async def followed(info: Info) -> AsyncIterator[Any]:
    """Stands in for the stream of events of a subscription. It is never read: the comparison executes the operation for single events instead."""
    yield None


@strawberry.type
class Subscription:
    """The root type of subscriptions."""

    bag = strawberry.subscription(resolver=followed, graphql_type=Bag | None)
    must_bag = strawberry.subscription(resolver=followed, graphql_type=Bag)
    pet = strawberry.subscription(resolver=followed, graphql_type=Pet | None)
    parcel = strawberry.subscription(resolver=followed, graphql_type=Parcel | None)
    all_named = strawberry.subscription(resolver=followed, graphql_type=list[Named] | None)


# The scopes that some fields need, by type and field.
GUARDED = {
    ("Query", "ints"): "read",
    ("Query", "laterText"): "read",
    ("Query", "loaded"): "read",
    ("Bag", "text"): "sensitive",
    ("Bag", "mustNumber"): "sensitive",
    ("Bag", "slowly"): "read",
    ("Fixed", "number"): "sensitive",
    ("Parcel", "allMustBag"): "sensitive",
    ("Cat", "bySelf"): "write",
    ("Mutation", "note"): "write",
    ("Mutation", "noteAtOnceMust"): "write",
}


def build() -> GraphQLSchema:
    """Build the nasty schema. The fields in `GUARDED` need a scope."""
    config = StrawberryConfig(scalar_map={Odd: ODD})
    made = strawberry.Schema(Query, Mutation, Subscription, types=[Cat, Dog, Robot, Stone, Pebble], config=config)
    schema: GraphQLSchema = made._schema
    for (type, name), scope in GUARDED.items():
        guard(schema, type, name, scope)
    return schema
