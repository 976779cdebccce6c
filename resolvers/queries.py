"""What can be read."""

from collections.abc import Awaitable
from typing import Annotated

import strawberry

from domain.caller import Caller
from domain.errors import BadUserInput, Forbidden
from domain.filter import Filter, Order
from domain.reasons import CATALOGUE, ReasonCode, ReasonType, listed
from domain.result import MAX_REASONS
from domain.statistics import VerificationStats
from domain.status import STATUSES, Status, StatusGuide
from domain.verification import Verification
from resolvers.connection import MAX_ROWS, VerificationConnection, connected, requested
from resolvers.context import Context, Info
from resolvers.inputs import VerificationFilter
from resolvers.reading import reading, selects

Id = Annotated[strawberry.ID, strawberry.argument(description="The id. One of another workspace is as if it didn't exist.")]
Which = Annotated[VerificationFilter | None, strawberry.argument(description="Which verifications; all of them where it is left out.")]
Rows = f"How many rows, 1 to {MAX_ROWS}"


def node(info: Info, id: Id) -> Awaitable[Verification | None]:
    """Anything that has an id; null where the caller's workspace has nothing with this one."""
    return info.context.current(id, reading(info))


def verification(info: Info, id: Id) -> Awaitable[Verification | None]:
    """The verification with this id; null where the caller's workspace has none."""
    return info.context.current(id, reading(info))


async def verifications(
    info: Info,
    filter: Which = None,
    order_by: Annotated[Order, strawberry.argument(description="The order of the list.")] = Order.CREATED_NEWEST,
    first: Annotated[int | None, strawberry.argument(description=f"{Rows} from the start; 50 where neither end is named.")] = None,
    after: Annotated[str | None, strawberry.argument(description="Only rows after this cursor.")] = None,
    last: Annotated[int | None, strawberry.argument(description=f"{Rows} from the end. Not together with `first`.")] = None,
    before: Annotated[str | None, strawberry.argument(description="Only rows before this cursor.")] = None,
) -> VerificationConnection:
    """A page of the workspace's verifications. While others write, no row that stays put is skipped or doubled."""
    wanted = permitted(info.context, filter)
    page = await info.context.verifications.page(wanted, requested(order_by, first, after, last, before), reading(info))
    return connected(page, wanted, selects(info, "VerificationEdge", "cursor"))


async def total_count(root: strawberry.Parent[VerificationConnection], info: Info) -> int:
    """How long the whole list is. Counted only where it is asked for."""
    return await info.context.verifications.count(root.filter)


async def verification_stats(info: Info, filter: Which = None) -> VerificationStats:
    """Counts over the workspace's verifications."""
    return await info.context.verifications.statistics(permitted(info.context, filter))


def statuses() -> list[StatusGuide]:
    """The four statuses, and what each asks for."""
    return list(STATUSES)


def reason_codes(
    status: Annotated[Status | None, strawberry.argument(description="Only those that can go with this status.")] = None,
    type: Annotated[ReasonType | None, strawberry.argument(description="Only those of this type.")] = None,
) -> tuple[ReasonCode, ...]:
    """The catalogue of reason codes."""
    return listed(status, type)


def reason_code(code: Annotated[str, strawberry.argument(description="The code, such as IDVV_1101.")]) -> ReasonCode | None:
    """A code of the catalogue; null where the catalogue doesn't have it."""
    return CATALOGUE.get(code)


def me(info: Info) -> Caller:
    """Whom the token speaks for."""
    return info.context.caller


def permitted(context: Context, filter: VerificationFilter | None) -> Filter:
    """The filter where the caller may ask so. Raises: BadUserInput; Forbidden where the answer would tell who has an internal reason."""
    wanted = filter.to_domain() if filter else Filter()
    if len(wanted.reason_codes or ()) > MAX_REASONS:
        raise BadUserInput(f"reasonCode holds {len(wanted.reason_codes or ())} codes; at most {MAX_REASONS} can be asked for at once")
    if wanted.selects_internals and not context.caller.sees_internals:
        raise Forbidden("filtering by an internal reason needs the scope verification:sensitive")
    return wanted
