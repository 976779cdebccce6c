"""What of a verification may be shown to whom: internal reasons to those with the scope for it, notes and references to nobody but the company."""

from typing import Annotated

import strawberry

from domain.caller import Caller
from domain.errors import BadUserInput
from domain.event import Event, EventType
from domain.reasons import ReasonCode, explained
from domain.status import Status
from domain.verification import Verification
from resolvers.context import Info

Row = strawberry.Parent[Verification]
Entry = strawberry.Parent[Event]


def reference(root: Row, info: Info) -> str | None:
    """The company's own name for it. Not shown to the individual."""
    return None if info.context.caller.is_individual else root.reference


def reasons(root: Row, info: Info) -> list[ReasonCode]:
    """Why it failed or could not be completed, in the provider's order; empty otherwise. Internal ones need `verification:sensitive`."""
    return shown(root.reasons, info.context.caller)


def events(
    root: Row,
    after: Annotated[int, strawberry.argument(description="Only those with a greater version.")] = 0,
) -> list[Event]:
    """What happened, oldest first, without gaps."""
    if after < 0:
        raise BadUserInput(f"after is {after}; versions begin at 1, and 0 asks for all events")
    return list(root.events_after(after))


def event_reasons(root: Entry, info: Info) -> list[ReasonCode]:
    """The reasons that came with the event. Internal ones need `verification:sensitive`."""
    return [] if hidden(root, info.context.caller) else shown(root.reasons, info.context.caller)


def from_status(root: Entry, info: Info) -> Status | None:
    """The status before; null where the event is not about the status."""
    return None if hidden(root, info.context.caller) else root.from_status


def to_status(root: Entry, info: Info) -> Status | None:
    """The status after, or the one that was reported in vain; null where the event is not about the status."""
    return None if hidden(root, info.context.caller) else root.to_status


def note(root: Entry, info: Info) -> str | None:
    """What support should know. Not shown to the individual."""
    return None if info.context.caller.is_individual else root.note


def scopes(root: strawberry.Parent[Caller]) -> list[str]:
    """The rights of the token."""
    return sorted(scope.value for scope in root.scopes)


def shown(codes: tuple[str, ...], caller: Caller) -> list[ReasonCode]:
    """The codes, explained, as far as the caller may see them."""
    return [reason for code in codes if not (reason := explained(code)).internal or caller.sees_internals]


def hidden(event: Event, caller: Caller) -> bool:
    """Whether what was reported must stay unknown: another outcome than the one that the individual knows."""
    return caller.is_individual and event.type is EventType.RESULT_IGNORED
