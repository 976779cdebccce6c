"""The attempts around a verification, for a whole page of them in one query."""

import strawberry

from domain.verification import Verification
from resolvers.context import Info
from resolvers.reading import reading

Row = strawberry.Parent[Verification]


async def previous_attempt(root: Row, info: Info) -> Verification | None:
    """The attempt before; null for the first."""
    return await one_of(root, root.previous, info)


async def next_attempt(root: Row, info: Info) -> Verification | None:
    """The retry that followed; null where none did."""
    return await one_of(root, root.next, info)


async def attempts(root: Row, info: Info) -> list[Verification]:
    """All attempts of the chain, oldest first."""
    if root.attempt == 1 and root.next is None:
        return [root]
    return await info.context.attempts(root.chain, reading(info))


async def one_of(root: Verification, id: str | None, info: Info) -> Verification | None:
    """The attempt of the same chain with this id. Raises: BadDocument where it can't be read."""
    if id is None:
        return None
    for attempt in await info.context.attempts(root.chain, reading(info)):
        if attempt.id == id:
            return attempt
    # It can't be read, or it is gone.
    return await info.context.verifications.get(id, reading(info))
