"""The positions of a response: they complete the values that a plan's quick checks don't recognize. This code makes plans exact.

Source: GraphQL specification, 6.4.3 (value completion) and 6.4.4 (errors), as graphql-core 3.3 implements them,
including its messages.
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

# The result of a completion that left a hole: the value is being awaited, and the hole will be filled.
PENDING = object()
MAX_CLASSES = 64

Complete = Callable[[Any, Run, Place], Any]


class Position(Spot):
    """A spot with the rules that complete a value there."""

    __slots__ = ()

    def slow(self, value: Any, run: Run, place: Place) -> Any:
        """The completed value of a resolver's result or a list's item. Leaves a hole and returns None if it has to be awaited."""
        if is_awaitable(value):
            run.wait(value, self, place, self.completed)
            return None
        return self.completed(value, run, place)

    def completed(self, value: Any, run: Run, place: Place) -> Any:
        """The same for a value that is not awaitable.

        Raises: the value itself if it is an exception, TypeError if it is null and must not be.
        """
        if isinstance(value, Exception):
            raise value
        completed = None if value is None or value is Undefined else self.complete_present(value, run, place)
        if completed is PENDING:
            return None
        if completed is None and self.required:
            raise TypeError(f"Cannot return null for non-nullable field {self.parent_type}.{self.field_name}.")
        return completed

    def complete_present(self, value: Any, run: Run, place: Place) -> Any:
        """The completed value of a value that is not null, or PENDING."""
        raise NotImplementedError


class LeafPosition(Position):
    """The position of a scalar or an enum."""

    __slots__ = ("leaf_type",)
    leaf_type: GraphQLLeafType

    def complete_present(self, value: Any, run: Run, place: Place) -> Any:
        """The value as its type serializes it."""
        return Executor.complete_leaf_value(self.leaf_type, value)


class ListPosition(Position):
    """The position of a list. `item` is the position of its items, `function` the plan's function that completes all of them."""

    __slots__ = ("function", "item")
    function: Complete
    item: Position

    def complete_present(self, value: Any, run: Run, place: Place) -> Any:
        """The completed items.

        Raises: GraphQLError if the value is not iterable.
        """
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
                    # The list fails at this item, so that further items are not needed, even if the iterable is endless.
                    await close_iterator(iterator)
                    break
        except Exception as error:
            # The items before the error are completed too, because they can have errors of their own.
            return items_then_error(items, self.located(error, place))
        return items


class ObjectPosition(Position):
    """The position of an object.

    `function` is the plan's function for the object's fields. Objects of `classes` are of the type in any case, without calling `is_type_of`.
    """

    __slots__ = ("classes", "function", "object_type")
    classes: set[type]
    function: Complete
    object_type: GraphQLObjectType

    def complete_present(self, value: Any, run: Run, place: Place) -> Any:
        """The object's completed fields.

        Raises: GraphQLError if the value is not of the type.
        """
        if value.__class__ in self.classes:
            return self.function(value, run, place)
        is_type_of = self.object_type.is_type_of
        if is_type_of:
            holds = is_type_of(value, resolve_info(run, self, field_place(place)))
            if is_awaitable(holds):
                run.wait(self._checked(value, holds), self, place, self.function)
                return PENDING
            if not holds:
                raise self._wrong(value)
        # Only an `is_type_of` that names its classes is sure to look at nothing but the class.
        if not is_type_of or hasattr(is_type_of, "classes"):
            self._remember(value.__class__)
        return self.function(value, run, place)

    def _remember(self, value_class: type) -> None:
        if len(self.classes) < MAX_CLASSES and is_object(value_class):
            self.classes.add(value_class)

    async def _checked(self, value: Any, holds: Awaitable[Any]) -> Any:
        if not await holds:
            raise self._wrong(value)
        return value

    def _wrong(self, value: Any) -> GraphQLError:
        return GraphQLError(f"Expected value of type '{self.object_type}' but got: {inspect(value)}.", self.nodes)


class AbstractPosition(Position):
    """The position of an interface or a union.

    `types` has a position for each possible type, by its name. `functions` caches their functions by the class of the value.
    """

    __slots__ = ("abstract_type", "class_decides", "functions", "types")
    abstract_type: GraphQLAbstractType
    types: dict[str, ObjectPosition]
    functions: dict[type, Complete]
    # Whether the value's class alone decides which type it is of.
    class_decides: bool

    def complete_present(self, value: Any, run: Run, place: Place) -> Any:
        """The completed fields of the object.

        Raises: GraphQLError if the value is of none of the possible types.
        """
        resolve_type = self.abstract_type.resolve_type or default_type_resolver
        name = resolve_type(value, resolve_info(run, self, field_place(place)), self.abstract_type)
        if is_awaitable(name):
            run.wait(name, self, place, lambda name, run, place: self._of_type(name, value, run, place))
            return PENDING
        return self._of_type(name, value, run, place)

    def _of_type(self, name: Any, value: Any, run: Run, place: Place) -> Any:
        position = self.types.get(name) if isinstance(name, str) else None
        if not position:
            raise self._impossible(name, value, run)
        completed = position.complete_present(value, run, place)
        value_class = value.__class__
        if self.class_decides and value_class in position.classes and cannot_name_its_type(value_class) and len(self.functions) < MAX_CLASSES:
            self.functions[value_class] = position.function
        return completed

    def _impossible(self, name: Any, value: Any, run: Run) -> GraphQLError:
        """The error of a value that can't be of the type with this name."""
        field = f"for field '{self.parent_type}.{self.field_name}'"
        must = f"Abstract type '{self.abstract_type}' must resolve to an Object type at runtime {field}"
        type = run.operation.schema.get_type(name) if isinstance(name, str) else None
        if name is None:
            message = (
                f"{must}. Either the '{self.abstract_type}' type should provide a 'resolve_type' function"
                " or each possible type should provide an 'is_type_of' function."
            )
        elif not isinstance(name, str):
            message = f"{must} with value {inspect(value)}, received '{inspect(name)}', which is not a valid Object type name."
        elif type is None:
            message = f"Abstract type '{self.abstract_type}' was resolved to a type '{name}' that does not exist inside the schema."
        elif not isinstance(type, GraphQLObjectType):
            message = f"Abstract type '{self.abstract_type}' was resolved to a non-object type '{name}'."
        else:
            message = f"Runtime Object type '{type}' is not a possible type for '{self.abstract_type}'."
        return GraphQLError(message, self.nodes)


def is_object(value_class: type) -> bool:
    """Whether values of a class are neither exceptions nor awaitables."""
    return not hasattr(value_class, "__await__") and not issubclass(value_class, Exception | GeneratorType)


def cannot_name_its_type(value_class: type) -> bool:
    """Whether objects of a class have no way to name their own type.

    The ways are `__typename`, a class that Strawberry has decorated, and `strawberry.cast`, which stores the type in the object's `__dict__`.
    """
    typenames = any(hasattr(value_class, f"_{each.__name__}__typename") for each in value_class.__mro__)
    return not (typenames or issubclass(value_class, dict) or has_object_definition(value_class) or value_class.__dictoffset__)


async def close_iterator(iterator: AsyncIterator[Any]) -> None:
    """Close an iterator whose further items are not needed."""
    if aclose := getattr(iterator, "aclose", None):
        with suppress(Exception):
            await aclose()


def items_then_error(items: Iterable[Any], error: Exception) -> Iterator[Any]:
    """Yields the items, then raises the error."""
    yield from items
    raise error


def field_place(place: Place) -> Place:
    """The place of the field that contains an item's place, through any number of nested lists."""
    while isinstance(place[1], int):
        place = place[0]
    return place


def close_remaining(values: Any, seen: int) -> None:
    """Close the awaitables after the item at which a list failed. `seen`: the index of that item.

    Python warns about coroutines that were never awaited.
    """
    remaining = values if isinstance(values, Iterator) else islice(values, seen + 1, None) if isinstance(values, Collection) else ()
    try:
        for value in remaining:
            close(value)
    except Exception:
        # The error that ended the list is the one that is reported.
        return


def close(value: Any) -> None:
    """Close an awaitable that will not be awaited. Does nothing to other values."""
    if hasattr(value, "__await__") and hasattr(value, "close"):
        value.close()
