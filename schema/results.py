"""What lists, statistics, mutations and subscriptions answer with."""

from datetime import datetime
from typing import Annotated

import strawberry

import domain.caller
import domain.statistics
import resolvers.connection
import resolvers.refusal
import resolvers.subscriptions
from domain.errors import RefusalCode
from domain.status import Status
from resolvers import queries
from resolvers import verification as visible
from schema.costs import Cost
from schema.fields import attribute, described, field, represents
from schema.reasons import ReasonCode
from schema.rules import ANYONE, NOT_INTERNAL
from schema.verification import Verification, VerificationEvent


@described
class PageInfo:
    """What lies around a page."""

    is_type_of = represents(resolvers.connection.PageInfo)

    has_next_page: bool = attribute("Whether rows follow. True where `before` was given: its row did.", ANYONE)
    has_previous_page: bool = attribute("Whether rows precede. True where `after` was given: its row did.", ANYONE)
    start_cursor: str | None = attribute("The cursor of the first row; null for an empty page.", ANYONE)
    end_cursor: str | None = attribute("The cursor of the last row; null for an empty page.", ANYONE)


@described
class VerificationEdge:
    """A row of a list."""

    is_type_of = represents(resolvers.connection.VerificationEdge)

    cursor: str = attribute("Where the row stands in this order.", ANYONE)
    node: Verification = attribute("The verification.", ANYONE)


@described
class VerificationConnection:
    """A page of a list."""

    is_type_of = represents(resolvers.connection.VerificationConnection)

    edges: list[VerificationEdge] = attribute("The rows.", ANYONE, cost=Cost(1, paged=True))
    page_info: PageInfo = attribute("What lies around them.", ANYONE)
    total_count = field(queries.total_count, int, ANYONE, cost=Cost(50))


@described
class StatusCount:
    """How many verifications have a status."""

    is_type_of = represents(domain.statistics.StatusCount)

    status: Status = attribute("The status.", ANYONE)
    count: int = attribute("How many have it.", ANYONE)


@described
class ReasonCount:
    """How many verifications have a reason. One with several reasons counts for each."""

    is_type_of = represents(domain.statistics.ReasonCount)

    reason: ReasonCode = attribute("The reason.", ANYONE)
    count: int = attribute("How many have it.", ANYONE)


@described
class VerificationStats:
    """Counts over the verifications that match."""

    is_type_of = represents(domain.statistics.VerificationStats)

    total: int = attribute("All of them.", ANYONE)
    by_status: list[StatusCount] = attribute("By status; all four are listed.", ANYONE)
    by_reason: list[ReasonCount] = attribute("By reason, the most frequent first, equal ones by code.", NOT_INTERNAL)
    billable: int = attribute("Those that the provider charges for.", ANYONE)
    median_seconds_to_result: float | None = attribute(
        "The median time from creation to the outcomes that people and providers caused, deadlines left out; null where there are none.", ANYONE
    )


@described
class Caller:
    """Whom a token speaks for."""

    is_type_of = represents(domain.caller.Caller)

    subject: str = attribute("Who it is, as the issuer of the token names them.", ANYONE)
    workspace: strawberry.ID = attribute("The workspace that the token opens.", ANYONE, name="workspaceId")
    scopes = field(visible.scopes, list[str], ANYONE)
    expires_at: datetime | None = attribute("When the token ends, and every subscription with it.", ANYONE)


@described
class FollowToken:
    """A short-lived token for the browser of the person being verified."""

    is_type_of = represents(domain.caller.FollowToken)

    token: str = attribute("The bearer token.", ANYONE)
    expires_at: datetime = attribute("When it ends.", ANYONE)


@described
class Refusal:
    """Why nothing was changed."""

    is_type_of = represents(resolvers.refusal.Refusal)

    code: RefusalCode = attribute("The kind of reason.", ANYONE)
    message: str = attribute("The reason in words, for developers.", ANYONE)
    field: str | None = attribute("The input's field at fault; null where none is.", ANYONE)


VerificationResult = Annotated[
    Verification | Refusal, strawberry.union("VerificationResult", description="The verification as it is now, or why nothing was changed.")
]
FollowTokenResult = Annotated[FollowToken | Refusal, strawberry.union("FollowTokenResult", description="The token, or why there is none.")]


@described
class VerificationUpdate:
    """A verification as it is now, and what happened since the message before."""

    is_type_of = represents(resolvers.subscriptions.VerificationUpdate)

    verification: Verification = attribute("Its state. With `followRetries`, its `id` tells which attempt the message is about.", ANYONE)
    events: list[VerificationEvent] = attribute(
        "What happened since the message before, in order; all of it that this release can show.", ANYONE, cost=Cost(3)
    )


@described
class VerificationFeedItem:
    """A verification that changed, and where to go on after it."""

    is_type_of = represents(resolvers.subscriptions.VerificationFeedItem)

    cursor: str = attribute("To resume after this item: `after`.", ANYONE)
    verification: Verification | None = attribute("Its state; null where the item brings a cursor alone.", ANYONE)
