"""Refusals: the errors of the rules in `domain/`, returned to clients as data instead of as GraphQL errors."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec, TypeVar, cast

from domain.errors import DomainError, RefusalCode
from resolvers.context import Info

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Refusal:
    """The reason why a mutation changed nothing."""

    code: RefusalCode
    message: str
    field: str | None


def refusing(resolver: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T | Refusal]]:
    """Wraps a resolver: if the resolver raises a DomainError, the wrapper counts it, and returns a `Refusal` instead."""

    @wraps(resolver)
    async def answer(*args: P.args, **kwargs: P.kwargs) -> T | Refusal:
        try:
            return await resolver(*args, **kwargs)
        except DomainError as error:
            if info := cast("Info | None", kwargs.get("info")):
                info.context.services.count_refusal(error.refusal.name)
            return Refusal(error.refusal, str(error), error.field)

    return answer
