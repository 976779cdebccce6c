"""The positions of an answer: what is done with a value that the quick checks of a plan don't know. The exactness of plans lies here.

Source: GraphQL specification, 6.4.3 (value completion) and 6.4.4 (errors), as graphql-core 3.3 understands them, words included.
"""

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Collection, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from types import GeneratorType
from typing import Any

from graphql import (
    GraphQLAbstractType,
    GraphQLError,
    GraphQLLeafType,
    GraphQLObjectType,
    Undefined,
    default_type_resolver,
)
from graphql.execution import Executor
from graphql.pyutils import inspect, is_async_iterable, is_awaitable, is_iterable
from strawberry.types.base import has_object_definition

from compiler.info import resolve_info
from compiler.run import Place, Run, Spot

# Stands for a value that is being waited for: its hole will be filled.
PENDING = object()
MAX_CLASSES = 64

Complete = Callable[[Any, Run, Place], Any]


class Position(Spot):
    """A spot, and how a value becomes what stands there."""

    __slots__ = ()

    def slow(self, value: Any, run: Run, place: Place) -> Any:
        """What stands here for whatever a resolver answered, or a list held."""
        if is_awaitable(value):
            run.wait(value, self, place, self.completed)
            return None
        return self.completed(value, run, place)

    def completed(self, value: Any, run: Run, place: Place) -> Any:
        """The same where nothing has to be waited for any more, or not at once."""
        if isinstance(value, Exception):
            raise value
        found = None if value is None or value is Undefined else self.present(value, run, place)
        if found is PENDING:
            return None
        if found is None and self.required:
            raise TypeError(f"Cannot return null for non-nullable field {self.parent_type}.{self.field_name}.")
        return found

    def present(self, value: Any, run: Run, place: Place) -> Any:
        """What stands here for a value that is there."""
        raise NotImplementedError


class LeafPosition(Position):
    """A scalar or an enum."""

    __slots__ = ("leaf_type",)
    leaf_type: GraphQLLeafType

    def present(self, value: Any, run: Run, place: Place) -> Any:
        """The value as its type writes it."""
        return Executor.complete_leaf_value(self.leaf_type, value)


class ListPosition(Position):
    """A list of items, which stand at `item`. `function` is the plan's for all of them."""

    __slots__ = ("function", "item")
    function: Complete
    item: Position

    def present(self, value: Any, run: Run, place: Place) -> Any:
        """The completed items."""
        if is_async_iterable(value):
            run.wait(self._drained(value, place), self, place, self.function)
            return PENDING
        if not is_iterable(value):
            raise GraphQLError(f"Expected Iterable, but did not find one for field '{self.parent_type}.{self.field_name}'.")
        return self.function(value, run, place)

    async def _drained(self, iterable: AsyncIterable[Any], place: Place) -> Iterable[Any]:
        items: list[Any] = []
        iterator = aiter(iterable)
        try:
            async for item in iterator:
                items.append(item)
                if self.item.required and (item is None or item is Undefined or isinstance(item, Exception)):
                    # The list ends with it, even where its items don't.
                    await ended(iterator)
                    break
        except Exception as error:
            # What came before it is looked at as well.
            return replayed(items, self.located(error, place))
        return items


class ObjectPosition(Position):
    """An object. `function` is the plan's for its fields, `known` are the classes whose objects need no further look."""

    __slots__ = ("function", "known", "object_type")
    function: Complete
    known: set[type]
    object_type: GraphQLObjectType

    def present(self, value: Any, run: Run, place: Place) -> Any:
        """The object's fields. Raises: GraphQLError where the value is none of the type."""
        if value.__class__ in self.known:
            return self.function(value, run, place)
        is_type_of = self.object_type.is_type_of
        if is_type_of:
            holds = is_type_of(value, resolve_info(run, self, field_place(place)))
            if is_awaitable(holds):
                run.wait(self._checked(value, holds), self, place, self.function)
                return PENDING
            if not holds:
                raise self._wrong(value)
        # Of those alone that name the classes it is known that they look at nothing else.
        if not is_type_of or hasattr(is_type_of, "classes"):
            self._remember(value.__class__)
        return self.function(value, run, place)

    def _remember(self, known: type) -> None:
        if len(self.known) < MAX_CLASSES and is_object(known):
            self.known.add(known)

    async def _checked(self, value: Any, holds: Awaitable[Any]) -> Any:
        if not await holds:
            raise self._wrong(value)
        return value

    def _wrong(self, value: Any) -> GraphQLError:
        return GraphQLError(f"Expected value of type '{self.object_type}' but got: {inspect(value)}.", self.nodes)


class AbstractPosition(Position):
    """An interface or a union. `types` has a position for each type that the value may be of, `known` their functions by the value's class."""

    __slots__ = ("abstract_type", "by_class", "known", "types")
    abstract_type: GraphQLAbstractType
    types: dict[str, ObjectPosition]
    known: dict[type, Complete]
    # Whether the value's class decides, and nothing else.
    by_class: bool

    def present(self, value: Any, run: Run, place: Place) -> Any:
        """The fields of the object that the value turns out to be. Raises: GraphQLError where it is none of the type."""
        resolve_type = self.abstract_type.resolve_type or default_type_resolver
        name = resolve_type(value, resolve_info(run, self, field_place(place)), self.abstract_type)
        if is_awaitable(name):
            run.wait(name, self, place, lambda name, run, place: self._of_type(name, value, run, place))
            return PENDING
        return self._of_type(name, value, run, place)

    def _of_type(self, name: Any, value: Any, run: Run, place: Place) -> Any:
        known = self.types.get(name) if isinstance(name, str) else None
        if not known:
            raise self._impossible(name, value, run)
        found = known.present(value, run, place)
        if self.by_class and value.__class__ in known.known and says_nothing_else(value.__class__) and len(self.known) < MAX_CLASSES:
            self.known[value.__class__] = known.function
        return found

    def _impossible(self, name: Any, value: Any, run: Run) -> GraphQLError:
        """Why a value can't be of the type with this name."""
        field = f"for field '{self.parent_type}.{self.field_name}'"
        must = f"Abstract type '{self.abstract_type}' must resolve to an Object type at runtime {field}"
        known = run.operation.schema.get_type(name) if isinstance(name, str) else None
        if name is None:
            told = (
                f"{must}. Either the '{self.abstract_type}' type should provide a 'resolve_type' function"
                " or each possible type should provide an 'is_type_of' function."
            )
        elif not isinstance(name, str):
            told = f"{must} with value {inspect(value)}, received '{inspect(name)}', which is not a valid Object type name."
        elif known is None:
            told = f"Abstract type '{self.abstract_type}' was resolved to a type '{name}' that does not exist inside the schema."
        elif not isinstance(known, GraphQLObjectType):
            told = f"Abstract type '{self.abstract_type}' was resolved to a non-object type '{name}'."
        else:
            told = f"Runtime Object type '{known}' is not a possible type for '{self.abstract_type}'."
        return GraphQLError(told, self.nodes)


def is_object(known: type) -> bool:
    """Whether values of a class are neither errors nor anything to wait for."""
    return not hasattr(known, "__await__") and not issubclass(known, Exception | GeneratorType)


def says_nothing_else(known: type) -> bool:
    """Whether objects of a class can't name their type themselves: by `__typename`, by a class of Strawberry's, or by a cast that they keep."""
    typenames = any(hasattr(known, f"_{each.__name__}__typename") for each in known.__mro__)
    return not (typenames or issubclass(known, dict) or has_object_definition(known) or known.__dictoffset__)


async def ended(iterator: AsyncIterator[Any]) -> None:
    """Let go of items that nobody will ask for."""
    if aclose := getattr(iterator, "aclose", None):
        with suppress(Exception):
            await aclose()


def replayed(items: Iterable[Any], error: Exception) -> Iterator[Any]:
    """The items, and then the error."""
    yield from items
    raise error


def field_place(place: Place) -> Place:
    """The place of the field in whose lists a place is."""
    while isinstance(place[1], int):
        place = place[0]
    return place


def abandon(values: Any, seen: int) -> None:
    """Let go of what a list still holds behind an item that ended it: of coroutines that never began, Python complains."""
    rest = values if isinstance(values, Iterator) else islice(values, seen + 1, None) if isinstance(values, Collection) else ()
    try:
        for value in rest:
            close(value)
    except Exception:
        # The error that ended the list is the one that is told.
        return


def close(value: Any) -> None:
    """Let go of an awaitable that nobody will wait for."""
    if hasattr(value, "__await__") and hasattr(value, "close"):
        value.close()
