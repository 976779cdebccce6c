"""Layers around resolvers: permissions, synchronous and asynchronous, and a field extension."""

import asyncio
from typing import Any

from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission

from tests.comparison.resolvers import Info, place

LATE = {"code": "LATE"}


class Allowed(BasePermission):
    """A permission that refuses at random places."""

    message = "you may not"

    def has_permission(self, source: Any, info: Info, **arguments: Any) -> bool:
        """Whether the caller may use the field."""
        return not info.context.dice.misses("allowed", place(info), repr(arguments))


class AllowedLater(BasePermission):
    """An asynchronous permission that refuses at random places."""

    message = "you may not, after all"
    error_extensions = LATE

    async def has_permission(self, source: Any, info: Info, **arguments: Any) -> bool:
        """Whether the caller may use the field."""
        await asyncio.sleep(0)
        return not info.context.dice.misses("allowed later", place(info))


class Around(FieldExtension):
    """Changes the arguments of a resolver and its result."""

    def resolve(self, next_: Any, source: Any, info: Info, **arguments: Any) -> Any:
        """The result in parentheses, for arguments in angle brackets."""
        result = next_(source, info, **{name: f"<{value}>" if isinstance(value, str) else value for name, value in arguments.items()})
        return f"({result})" if isinstance(result, str) else result

    async def resolve_async(self, next_: Any, source: Any, info: Info, **arguments: Any) -> Any:
        """The awaited result in square brackets."""
        result = await next_(source, info, **arguments)
        return f"[{result}]" if isinstance(result, str) else result
