"""Guards: resolvers that stand before others and look at nothing but who asks. Whoever they let pass has plans without them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from typing import Any

from graphql import GraphQLResolveInfo

Resolver = Callable[..., Any]


class Guard(ABC):
    """Stands before a resolver. `variant` is what plans are told apart by: all that decides who passes."""

    def __init__(self, inner: Resolver) -> None:
        self.inner = inner

    def __call__(self, source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        """What the resolver answers, or what is answered in its place."""
        if self.passes(self.variant(info.context)):
            return self.inner(source, info, **arguments)
        return self.otherwise(source, info, arguments)

    @abstractmethod
    def variant(self, context: Any) -> Hashable:
        """The variant of whoever asks."""

    @abstractmethod
    def passes(self, variant: Hashable) -> bool:
        """Whether the guard does nothing for this variant."""

    @abstractmethod
    def otherwise(self, source: Any, info: GraphQLResolveInfo[Any], arguments: dict[str, Any]) -> Any:
        """What those get that don't pass."""


def unguarded(resolve: Resolver | None, variant: Hashable) -> Resolver | None:
    """The resolver behind those guards that a variant passes."""
    while isinstance(resolve, Guard) and resolve.passes(variant):
        resolve = resolve.inner
    return resolve
