"""The resolvers of queries."""

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
from domain.webhook import UnmatchedWebhook, WebhookState
from resolvers.connection import DEFAULT_SIZE, MAX_ROWS, VerificationConnection, page_request, to_connection
from resolvers.context import Context, Info
from resolvers.counting import COUNT, COUNTED_ROWS, STATISTICS, STATISTICS_ROWS, CountPayer
from resolvers.inputs import VerificationFilter
from resolvers.reading import reading, selects

IdArgument = Annotated[strawberry.ID, strawberry.argument(description="The id. An id of another workspace is treated as if it did not exist.")]
FilterArgument = Annotated[
    VerificationFilter | None, strawberry.argument(description="The conditions that select verifications. Without a filter, all verifications match.")
]
ROWS = f"The number of rows, 1 to {MAX_ROWS},"


def node(info: Info, id: IdArgument) -> Awaitable[Verification | None]:
    """The object with this id; null if the caller's workspace has no such object."""
    return info.context.current(id, reading(info))


def verification(info: Info, id: IdArgument) -> Awaitable[Verification | None]:
    """The verification with this id; null if the caller's workspace has no such verification."""
    return info.context.current(id, reading(info))


async def verifications(
    info: Info,
    filter: FilterArgument = None,
    order_by: Annotated[Order, strawberry.argument(description="The order of the list.")] = Order.CREATED_NEWEST,
    first: Annotated[
        int | None, strawberry.argument(description=f"{ROWS} from the start of the list. If neither `first` nor `last` is given: 50.")
    ] = None,
    after: Annotated[str | None, strawberry.argument(description="Only rows after this cursor.")] = None,
    last: Annotated[int | None, strawberry.argument(description=f"{ROWS} from the end of the list. Not together with `first`.")] = None,
    before: Annotated[str | None, strawberry.argument(description="Only rows before this cursor.")] = None,
) -> VerificationConnection:
    """A page of the workspace's verifications. Verifications may be written while you page through the list: rows that keep their position are
    neither skipped nor repeated.
    """
    wanted = permitted(info.context, filter)
    page = await info.context.verifications.page(wanted, page_request(order_by, first, after, last, before), reading(info))
    return to_connection(page, wanted, selects(info, "VerificationEdge", "cursor"))


async def total_count(root: strawberry.Parent[VerificationConnection], info: Info) -> int:
    """The number of verifications in the whole list, over all pages. Counted only if this field is selected."""
    payer = CountPayer(info.context.services.budgets, info.context.caller, COUNT, COUNTED_ROWS)
    return await info.context.verifications.count(root.filter, payer)


async def verification_stats(info: Info, filter: FilterArgument = None) -> VerificationStats:
    """Statistics of the workspace's verifications."""
    payer = CountPayer(info.context.services.budgets, info.context.caller, STATISTICS, STATISTICS_ROWS)
    return await info.context.verifications.statistics(permitted(info.context, filter), selects(info, "VerificationStats", "byDay"), payer)


def statuses() -> list[StatusGuide]:
    """The four statuses, and what to do when a verification has one of them."""
    return list(STATUSES)


def reason_codes(
    status: Annotated[Status | None, strawberry.argument(description="Only codes that are allowed with this status.")] = None,
    type: Annotated[ReasonType | None, strawberry.argument(description="Only codes of this type.")] = None,
) -> tuple[ReasonCode, ...]:
    """The catalogue of reason codes."""
    return listed(status, type)


def reason_code(code: Annotated[str, strawberry.argument(description="The code, such as IDVV_1101.")]) -> ReasonCode | None:
    """The catalogue's entry for a code; null if the catalogue does not have the code."""
    return CATALOGUE.get(code)


def me(info: Info) -> Caller:
    """The caller: the bearer of the token."""
    return info.context.caller


async def unmatched_webhooks(
    info: Info,
    first: Annotated[int | None, strawberry.argument(description=f"The greatest number of webhooks to list, 1 to {MAX_ROWS}.")] = DEFAULT_SIZE,
) -> list[UnmatchedWebhook]:
    """The provider's webhooks that have matched no verification of the workspace for ten minutes, the newest first. They are kept for 30 days."""
    size = DEFAULT_SIZE if first is None else first
    if not 1 <= size <= MAX_ROWS:
        raise BadUserInput(f"first is {size}; 1 to {MAX_ROWS} webhooks can be listed")
    found = await info.context.services.store.inbox.newest(info.context.caller.workspace, [WebhookState.UNMATCHED], size)
    return [UnmatchedWebhook(each.id, each.received_at, each.provider, each.provider_id or "", each.status) for each in found]


def permitted(context: Context, filter: VerificationFilter | None) -> Filter:
    """The filter as a domain object, if the caller may use it.

    Raises: BadUserInput if the filter names too many reason codes. Forbidden if the result would reveal which verifications have an internal reason,
            and the caller may not see those reasons.
    """
    wanted = filter.to_domain() if filter else Filter()
    if len(wanted.reason_codes or ()) > MAX_REASONS:
        raise BadUserInput(f"reasonCode holds {len(wanted.reason_codes or ())} codes; at most {MAX_REASONS} are accepted")
    if wanted.selects_internals and not context.caller.sees_internals:
        raise Forbidden("filtering by an internal reason needs the scope verification:sensitive")
    return wanted
