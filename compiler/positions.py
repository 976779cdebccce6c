"""A position is a field, or the items of a list, in the response of a compiled operation.

The generated code handles the common values with quick checks; all other values are completed here, exactly as graphql-core completes them.
For the terms, see compiler/README.md.

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

# Stands for the result of a completion that has to await something first. The run then has a hole for the value.
PENDING = object()
# The maximum number of classes whose type one position remembers. Without a maximum, a program that keeps creating classes would fill the memory.
MAX_CLASSES = 64

Complete = Callable[[Any, Run, Place], Any]


class Position(Spot):
    """A `Spot` (see `compiler/run.py`) that can also complete the values of its field, or of its list items."""

    __slots__ = ()

    def slow(self, value: Any, run: Run, place: Place) -> Any:
        """Complete a resolver's result or an item of a list. If the value has to be awaited, this leaves a hole and returns None."""
        if is_awaitable(value):
            run.wait(value, self, place, self.completed)
            return None
        return self.completed(value, run, place)

    def completed(self, value: Any, run: Run, place: Place) -> Any:
        """Complete a value that is not awaitable. If completing it has to await something, this leaves a hole and returns None.

        Raises: the value itself if it is an exception; TypeError if the result is null but the field or item is non-null.
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
        """Completes a value that is not null. Returns PENDING if it left a hole."""
        raise NotImplementedError


class LeafPosition(Position):
    """A position whose values are scalars or enums."""

    __slots__ = ("leaf_type",)
    leaf_type: GraphQLLeafType

    def complete_present(self, value: Any, run: Run, place: Place) -> Any:
        """Serializes the value as its scalar or enum type defines."""
        return Executor.complete_leaf_value(self.leaf_type, value)


class ListPosition(Position):
    """The position of a list. `item` is the position of the list's items. `function` is the plan's function that completes all items of a list."""

    __slots__ = ("function", "item")
    function: Complete
    item: Position

    def complete_present(self, value: Any, run: Run, place: Place) -> Any:
        """Completes all items of the list.

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
                    # The list fails at this item. Stop here: further items are not needed, and the iterable could be endless.
                    await close_iterator(iterator)
                    break
        except Exception as error:
            # The items before the error are completed nevertheless, because the response must also contain their errors.
            return items_then_error(items, self.located(error, place))
        return items


class ObjectPosition(Position):
    """The position of an object.

    `function` is the plan's function that completes the object's fields. Objects whose class is in `classes` have the right type: `is_type_of` is not
    called for them.
    """

    __slots__ = ("classes", "function", "object_type")
    classes: set[type]
    function: Complete
    object_type: GraphQLObjectType

    def complete_present(self, value: Any, run: Run, place: Place) -> Any:
        """Completes the object's fields.

        Raises: GraphQLError if the object does not have the type of this position.
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
        # Remember that objects of this class have the right type, but only if no other property of an object can matter. This is so if there is no
        # `is_type_of`, or if `is_type_of` has an attribute `classes`, which means that it checks only the class.
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

    `types`: the position of each possible type, by the type's name.
    `functions`: a cache from the class of a value to the plan's function for its type.
    """

    __slots__ = ("abstract_type", "class_decides", "functions", "types")
    abstract_type: GraphQLAbstractType
    types: dict[str, ObjectPosition]
    functions: dict[type, Complete]
    # Whether the class of a value is enough to know its type. Otherwise `functions` stays empty.
    class_decides: bool

    def complete_present(self, value: Any, run: Run, place: Place) -> Any:
        """Completes the object's fields, after finding out the object's type.

        Raises: GraphQLError if the object has none of the possible types.
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
        """The error for a value whose type was resolved to `name`, which is not the name of a possible type."""
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
    """Whether values of a class are ordinary objects: neither exceptions nor awaitables."""
    return not hasattr(value_class, "__await__") and not issubclass(value_class, Exception | GeneratorType)


def cannot_name_its_type(value_class: type) -> bool:
    """Whether no object of a class can choose its own GraphQL type, so the type can be cached by class.

    An object chooses its type by an attribute or a key `__typename`, by a class that Strawberry has decorated,
    or by `strawberry.cast`, which stores the type in the object's `__dict__`.
    """
    typenames = any(hasattr(value_class, f"_{each.__name__}__typename") for each in value_class.__mro__)
    return not (typenames or issubclass(value_class, dict) or has_object_definition(value_class) or value_class.__dictoffset__)


async def close_iterator(iterator: AsyncIterator[Any]) -> None:
    """Close an iterator before its end. Exceptions of closing are ignored."""
    if aclose := getattr(iterator, "aclose", None):
        with suppress(Exception):
            await aclose()


def items_then_error(items: Iterable[Any], error: Exception) -> Iterator[Any]:
    """Yields the items, then raises the error, like a list whose iteration failed after these items."""
    yield from items
    raise error


def field_place(place: Place) -> Place:
    """The place of the field to which a list item belongs, however deeply the lists are nested. The place of a field is returned unchanged."""
    while isinstance(place[1], int):
        place = place[0]
    return place


def close_remaining(values: Any, seen: int) -> None:
    """Close the awaitables in the list `values` that follow the item at which the list failed. `seen`: the index of that item.

    Without this, Python would warn about coroutines that were never awaited.
    """
    remaining = values if isinstance(values, Iterator) else islice(values, seen + 1, None) if isinstance(values, Collection) else ()
    try:
        for value in remaining:
            close_awaitable(value)
    except Exception:
        # The list has already failed with another error, which the caller reports. An error of closing must not replace it.
        return


def close_awaitable(value: Any) -> None:
    """Close an awaitable that will not be awaited, because Python warns about coroutines that were never awaited. Does nothing to other values."""
    if hasattr(value, "__await__") and hasattr(value, "close"):
        value.close()
