"""Guards are resolvers around other resolvers. A guard decides from the caller alone, so plans for callers whom it lets pass don't contain it.

For the terms, see compiler/README.md.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from typing import Any

from graphql import GraphQLResolveInfo

Resolver = Callable[..., Any]


class Guard(ABC):
    """A resolver that calls an inner resolver only for some callers.

    Whether a caller passes depends only on the caller's variant, for example on the caller's rights. Each variant has its own plans.
    """

    def __init__(self, inner: Resolver) -> None:
        self.inner = inner

    def __call__(self, source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        """The inner resolver's result for callers who pass, otherwise the result of `otherwise`."""
        if self.passes(self.variant(info.context)):
            return self.inner(source, info, **arguments)
        return self.otherwise(source, info, arguments)

    @abstractmethod
    def variant(self, context: Any) -> Hashable:
        """The variant of the caller whom the request's context contains."""

    @abstractmethod
    def passes(self, variant: Hashable) -> bool:
        """Whether the guard lets callers of this variant pass."""

    @abstractmethod
    def otherwise(self, source: Any, info: GraphQLResolveInfo[Any], arguments: dict[str, Any]) -> Any:
        """The field's result for callers who don't pass."""


def unguarded(resolve: Resolver | None, variant: Hashable) -> Resolver | None:
    """Remove the outer guards that let callers of this variant pass. Returns the resolver inside, or the first guard that refuses the variant."""
    while isinstance(resolve, Guard) and resolve.passes(variant):
        resolve = resolve.inner
    return resolve
