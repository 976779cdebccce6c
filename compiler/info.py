"""The `info` argument of resolvers: it describes the field that is being resolved, and the operation. For the terms, see compiler/README.md."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

from graphql import GraphQLResolveInfo, GraphQLResolveInfoHelpers
from graphql.pyutils import Path, gather_with_cancel, is_awaitable

from compiler.run import Place, Run, Spot

# The futures that `track` runs in the background, which no code awaits. The event loop holds only weak references to tasks, so without this set they
# could be garbage-collected.
tracked: set["asyncio.Future[list[Any]]"] = set()


class LazyInfo:
    """Has the attributes of graphql-core's GraphQLResolveInfo, but computes them only on access, because most resolvers only read the context.

    It has one more attribute, `selected`: the fields that the operation selects anywhere, as pairs of type name and field name.
    """

    __slots__ = ("_place", "_run", "_spot", "context")

    def __init__(self, run: Run, spot: Spot, place: Place) -> None:
        self._run = run
        self._spot = spot
        self._place = place
        self.context = run.context

    def __getattr__(self, name: str) -> Any:
        if name == "selected":
            return self._run.selected
        return getattr(resolve_info(self._run, self._spot, self._place), name)


def resolve_info(run: Run, spot: Spot, place: Place) -> GraphQLResolveInfo[Any]:
    """The GraphQLResolveInfo that graphql-core would pass to the resolver of a field."""
    operation = run.operation
    return GraphQLResolveInfo(
        spot.field_name,
        spot.nodes,
        spot.return_type,
        spot.parent_type,
        path_of(spot, place),
        operation.schema,
        operation.fragments,
        run.root,
        operation.definition,
        run.variable_values,
        run.context,
        is_awaitable,
        None,
        GraphQLResolveInfoHelpers(gather, track),
    )


def path_of(spot: Spot | None, place: Place) -> Any:
    """The place of a value in the response as a Path of graphql-core, which also contains the name of each field's parent type."""
    if spot is None or place is None:
        return None
    above, key = place
    return Path(path_of(spot.above, above), key, None if isinstance(key, int) else spot.parent_type.name)


def gather(values: Sequence[Awaitable[Any]]) -> Awaitable[list[Any]]:
    """Await all values concurrently. If one of them fails, the others are cancelled. Resolvers can call it as `info.async_helpers.gather`."""
    return gather_with_cancel(*values)


def track(values: Sequence[Any]) -> None:
    """Run the awaitable values to their end in the background, and ignore their results and exceptions.

    Resolvers can call it, as graphql-core's `info.async_helpers.track`, for awaitables that they no longer need.
    """
    if awaitables := [value for value in values if is_awaitable(value)]:
        future = asyncio.gather(*awaitables, return_exceptions=True)
        tracked.add(future)
        future.add_done_callback(tracked.discard)
