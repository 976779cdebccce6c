"""What a type's own objects don't answer by themselves."""

from typing import Annotated

import strawberry

from domain.caller import Caller
from domain.errors import BadUserInput
from domain.event import Event
from domain.identity import DeclaredIdentity, ExtractedDocument
from domain.reasons import ReasonCode, all_explained
from domain.verification import Verification
from resolvers.context import Info
from resolvers.reading import reading

Row = strawberry.Parent[Verification]
Entry = strawberry.Parent[Event]


def reasons(root: Row) -> tuple[ReasonCode, ...]:
    """Why it failed or could not be completed, in the provider's order; empty otherwise."""
    return all_explained(root.reasons)


def event_reasons(root: Entry) -> tuple[ReasonCode, ...]:
    """The reasons that came with the event."""
    return all_explained(root.reasons)


def declared_identity(root: Row) -> DeclaredIdentity | None:
    """The names that the integrator gave; null once anonymized."""
    return root.declared.open() if root.declared else None


def extracted_document(root: Row) -> ExtractedDocument | None:
    """What the provider read from the document; null where nothing was, and once anonymized."""
    return root.extracted.open() if root.extracted else None


def events(
    root: Row,
    after: Annotated[int, strawberry.argument(description="Only those with a greater version.")] = 0,
) -> tuple[Event, ...]:
    """What happened, oldest first; all of it that this release can show."""
    if after < 0:
        raise BadUserInput(f"after is {after}; versions begin at 1, and 0 asks for all events")
    return root.events_after(after)


def scopes(root: strawberry.Parent[Caller]) -> list[str]:
    """The rights of the token."""
    return sorted(scope.value for scope in root.scopes)


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
