"""The raw schema (see tests/comparison/README.md), made by graphql-core without Strawberry.

Its objects are mappings, some values are functions, and some types are resolved asynchronously. It uses graphql-core's default resolvers.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
)

from tests.comparison.dice import Dice
from tests.comparison.faults import Make, items, leaf, sometimes_later, strange
from tests.comparison.inputs import read_odd, write_odd
from tests.comparison.resolvers import echoed_at
from tests.comparison.values import COLORS, FLAGS, IDS, INSTANTS, NUMBERS, ODDS, RATIOS, TEXTS, Color

SDL = """
scalar Odd
scalar DateTime
enum Color { RED GREEN BLUE }
input Range { minimum: Int = 1 maximum: Int steps: [Int!]! = [1, 2] range: Range color: Color = GREEN }
interface Named { text: String mustText: String! named: Named allNamed: [Named] }
interface Living implements Named { text: String mustText: String! named: Named allNamed: [Named] number: Int }
type Cat implements Living & Named {
  text: String mustText: String! named: Named allNamed: [Named] number: Int mustNumber: Int! later: String function(a: Int = 3, b: [Int!]): String
}
type Dog implements Living & Named { text: String mustText: String! named: Cat allNamed: [Named] number: Int laterText: String! }
type Stone { ratio: Float mustRatio: Float! color: Color instant: DateTime function(a: Int = 3, b: [Int!]): String! }
type Unsure { text: String mustText: String! }
union Thing = Cat | Stone
union Doubt = Unsure | Stone
type Query {
  text: String
  laterText: String
  number: Int
  mustNumber: Int!
  flag: Boolean
  id: ID
  color: Color
  odd: Odd
  allOdd: [Odd!]
  named: Named
  living: Living
  thing: Thing
  mustThing: Thing!
  doubt: Doubt
  allDoubt: [Doubt]
  allNamed: [Named]
  allMustNamed: [Named!]
  gridThing: [[Thing!]]
  allThing: [Thing!]!
  gridNumber: [[Int]!]
  function(a: Int = 3, b: [Int!]): String
  ranged(range: Range = { minimum: 2, steps: [] }, ranges: [Range!], color: Color! = RED, odd: Odd): String
}
type Mutation {
  change(name: String! = "name"): String
  changeMust(name: String! = "name"): String!
  changeThing: Thing
}
"""


class Entry(Mapping[str, Any]):
    """An object of the data: a mapping whose values are random and computed on access."""

    def __init__(self, dice: Dice, key: str, type: object) -> None:
        self.dice = dice
        self.key = key
        self.type = type

    def __getitem__(self, name: str) -> Any:
        return self.type if name == "__typename" else KINDS[name](self.dice, f"{self.key}.{name}")

    def __iter__(self) -> Iterator[str]:
        return iter(KINDS)

    def __len__(self) -> int:
        return len(KINDS)

    def __repr__(self) -> str:
        return f"<{self.type} {self.key}>"


def entry(*types: str) -> Make:
    """Returns a function that makes mappings of these types. If the dice choose a fault: a mapping of another type, or no mapping at all."""

    def made(dice: Dice, key: str) -> Any:
        if not dice.misses(key):
            return Entry(dice, key, dice.chosen(types, key, "type"))
        other = dice.chosen(("Cat", "Stone", "Named", "Unsure", "Color", "Nothing", 7, b"Cat", None), key, "other")
        return Entry(dice, key, other) if dice.happens(0.7, key, "wrong type") else strange(dice, key)

    return made


def called(dice: Dice, key: str) -> Callable[..., Any]:
    """Makes the value of a field: a function, which graphql-core's default resolver calls. The function echoes its arguments, and may change one."""

    def function(info: Any, **arguments: Any) -> Any:
        answer = echoed_at(info.context.dice, key, list(arguments.items()))
        # Change an argument: the change must not reach later executions. Fields of one execution may share the value of a variable, so only one field
        # changes it.
        if isinstance(arguments.get("b"), list) and key == "root.function":
            arguments["b"].append(0)
        return answer

    async def later(info: Any, **arguments: Any) -> Any:
        await asyncio.sleep(0)
        return function(info, **arguments)

    return later if key != "root.function" and dice.happens(0.3, key, "later") else function


def changing(dice: Dice, key: str) -> Callable[..., Any]:
    """Makes a function that resolves a mutation: it logs its calls and echoes its arguments, either synchronously or with pauses."""

    async def change(info: Any, **arguments: Any) -> Any:
        at = info.path.as_list()
        info.context.log.append(f"begin {at} {arguments}")
        for _ in range(dice.number(at) % 4):
            await asyncio.sleep(0)
        info.context.log.append(f"end {at}")
        return echoed_at(info.context.dice, str(at), arguments)

    def change_at_once(info: Any, **arguments: Any) -> Any:
        info.context.log.append(f"made {info.path.as_list()} {arguments}")
        return echoed_at(info.context.dice, str(info.path.as_list()), arguments)

    return change_at_once if dice.happens(0.4, key, "at once") else change


NAMED, THING = entry("Cat", "Cat", "Dog"), entry("Cat", "Stone")
# For each field of the raw schema, by name: the function that makes its values.
KINDS: dict[str, Make] = {
    **dict.fromkeys(("text", "mustText"), leaf(TEXTS)),
    **dict.fromkeys(("laterText", "later"), sometimes_later(leaf(TEXTS))),
    **dict.fromkeys(("number", "mustNumber"), leaf(NUMBERS)),
    **dict.fromkeys(("ratio", "mustRatio"), leaf(RATIOS)),
    "flag": leaf(FLAGS),
    "id": leaf(IDS),
    "color": leaf(COLORS),
    "instant": leaf(INSTANTS),
    "odd": leaf(ODDS),
    "allOdd": items(leaf(ODDS)),
    **dict.fromkeys(("named", "living"), NAMED),
    **dict.fromkeys(("thing", "mustThing"), THING),
    "doubt": entry("Unsure", "Stone"),
    "allDoubt": items(entry("Unsure", "Stone")),
    "allNamed": items(NAMED),
    "allMustNamed": items(sometimes_later(NAMED)),
    "allThing": items(sometimes_later(THING)),
    "gridThing": items(items(THING)),
    "gridNumber": items(items(leaf(NUMBERS))),
    **dict.fromkeys(("function", "ranged"), called),
    **dict.fromkeys(("change", "changeMust"), changing),
    "changeThing": sometimes_later(THING),
}


def of_doubt(value: Any, info: Any, type: object) -> Any:
    """Resolves the type of the union Doubt. Returns the type's name, sometimes as an awaitable."""
    name = value.type if isinstance(value, Entry) else None
    return later(name) if info.context.dice.happens(0.3, info.path.as_list(), "doubted") else name


async def later(value: Any) -> Any:
    """Pauses, then returns the value."""
    await asyncio.sleep(0)
    return value


def is_unsure(value: Any, info: Any) -> Any:
    """The `is_type_of` of the type Unsure. Returns the answer as an awaitable."""
    return later(isinstance(value, Entry) and value.type == "Unsure")


def build() -> GraphQLSchema:
    """Build the raw schema."""
    schema = build_schema(SDL)
    odd, color, doubt, unsure = (schema.type_map[name] for name in ("Odd", "Color", "Doubt", "Unsure"))
    assert isinstance(odd, GraphQLScalarType)
    assert isinstance(color, GraphQLEnumType)
    assert isinstance(doubt, GraphQLUnionType)
    assert isinstance(unsure, GraphQLObjectType)
    odd.coerce_output_value = write_odd
    odd.coerce_input_value = read_odd
    color.values = {each.name: GraphQLEnumValue(each) for each in Color}
    doubt.resolve_type = of_doubt
    unsure.is_type_of = is_unsure
    return schema
