"""Guards: resolvers around other resolvers that decide by the caller alone. Plans for callers whom a guard lets pass don't contain the guard."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from typing import Any

from graphql import GraphQLResolveInfo

Resolver = Callable[..., Any]


class Guard(ABC):
    """A resolver that calls an inner resolver only for some callers.

    Its `variant` is the property of a caller that decides alone whether the guard lets them pass. Each variant has its own plans.
    """

    def __init__(self, inner: Resolver) -> None:
        self.inner = inner

    def __call__(self, source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        """The inner resolver's result, or the guard's own result."""
        if self.passes(self.variant(info.context)):
            return self.inner(source, info, **arguments)
        return self.otherwise(source, info, arguments)

    @abstractmethod
    def variant(self, context: Any) -> Hashable:
        """The variant of the caller in this context."""

    @abstractmethod
    def passes(self, variant: Hashable) -> bool:
        """Whether the guard lets callers of this variant pass."""

    @abstractmethod
    def otherwise(self, source: Any, info: GraphQLResolveInfo[Any], arguments: dict[str, Any]) -> Any:
        """The field's result for callers who don't pass."""


def unguarded(resolve: Resolver | None, variant: Hashable) -> Resolver | None:
    """The resolver without the outer guards that a variant passes."""
    while isinstance(resolve, Guard) and resolve.passes(variant):
        resolve = resolve.inner
    return resolve
