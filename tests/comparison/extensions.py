"""What stands around resolvers: permissions, at once and later, and a field extension."""

import asyncio
from typing import Any

from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission

from tests.comparison.resolvers import Info, place

LATE = {"code": "LATE"}


class Allowed(BasePermission):
    """Somebody may, or not."""

    message = "you may not"

    def has_permission(self, source: Any, info: Info, **given: Any) -> bool:
        """Whether they may."""
        return not info.context.dice.misses("allowed", place(info), repr(given))


class AllowedLater(BasePermission):
    """Somebody may, or not; to know it takes time."""

    message = "you may not, after all"
    error_extensions = LATE

    async def has_permission(self, source: Any, info: Info, **given: Any) -> bool:
        """Whether they may."""
        await asyncio.sleep(0)
        return not info.context.dice.misses("allowed later", place(info))


class Around(FieldExtension):
    """Changes what a resolver is given, and what it answers."""

    def resolve(self, next_: Any, source: Any, info: Info, **given: Any) -> Any:
        """The answer, with something around it."""
        answer = next_(source, info, **{name: f"<{value}>" if isinstance(value, str) else value for name, value in given.items()})
        return f"({answer})" if isinstance(answer, str) else answer

    async def resolve_async(self, next_: Any, source: Any, info: Info, **given: Any) -> Any:
        """The same where it has to be waited for."""
        answer = await next_(source, info, **given)
        return f"[{answer}]" if isinstance(answer, str) else answer
