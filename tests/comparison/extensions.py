"""Permissions and a field extension of Strawberry, for fields of the nasty schema (see tests/comparison/README.md)."""

import asyncio
from typing import Any

from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission

from tests.comparison.resolvers import Info, place

LATE = {"code": "LATE"}


class Allowed(BasePermission):
    """A permission that the dice refuse at random places of the response."""

    message = "you may not"

    def has_permission(self, source: Any, info: Info, **arguments: Any) -> bool:
        """Whether the field may be used: as the dice choose for this place and these arguments."""
        return not info.context.dice.misses("allowed", place(info), repr(arguments))


class AllowedLater(BasePermission):
    """An asynchronous permission that the dice refuse at random places of the response."""

    message = "you may not, after all"
    error_extensions = LATE

    async def has_permission(self, source: Any, info: Info, **arguments: Any) -> bool:
        """Whether the field may be used: as the dice choose for this place. Answers after a pause."""
        await asyncio.sleep(0)
        return not info.context.dice.misses("allowed later", place(info))


class Around(FieldExtension):
    """A field extension that changes the arguments and the result of a resolver."""

    def resolve(self, next_: Any, source: Any, info: Info, **arguments: Any) -> Any:
        """Called for a synchronous resolver: puts text arguments in angle brackets, and a text result in parentheses."""
        result = next_(source, info, **{name: f"<{value}>" if isinstance(value, str) else value for name, value in arguments.items()})
        return f"({result})" if isinstance(result, str) else result

    async def resolve_async(self, next_: Any, source: Any, info: Info, **arguments: Any) -> Any:
        """Called for an asynchronous resolver: puts a text result in square brackets. The arguments stay unchanged."""
        result = await next_(source, info, **arguments)
        return f"[{result}]" if isinstance(result, str) else result
