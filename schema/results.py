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
from resolvers import queries, visible
from schema.fields import attribute, described, field, represents
from schema.reasons import ReasonCode
from schema.verification import Verification, VerificationEvent


@described
class PageInfo:
    """What lies around a page."""

    is_type_of = represents(resolvers.connection.PageInfo)

    has_next_page: bool = attribute("Whether rows follow. True where `before` was given: its row did.")
    has_previous_page: bool = attribute("Whether rows precede. True where `after` was given: its row did.")
    start_cursor: str | None = attribute("The cursor of the first row; null for an empty page.")
    end_cursor: str | None = attribute("The cursor of the last row; null for an empty page.")


@described
class VerificationEdge:
    """A row of a list."""

    is_type_of = represents(resolvers.connection.VerificationEdge)

    cursor: str = attribute("Where the row stands in this order.")
    node: Verification = attribute("The verification.")


@described
class VerificationConnection:
    """A page of a list."""

    is_type_of = represents(resolvers.connection.VerificationConnection)

    edges: list[VerificationEdge] = attribute("The rows.")
    page_info: PageInfo = attribute("What lies around them.")
    total_count = field(queries.total_count, int)


@described
class StatusCount:
    """How many verifications have a status."""

    is_type_of = represents(domain.statistics.StatusCount)

    status: Status = attribute("The status.")
    count: int = attribute("How many have it.")


@described
class ReasonCount:
    """How many verifications have a reason. One with several reasons counts for each."""

    is_type_of = represents(domain.statistics.ReasonCount)

    reason: ReasonCode = attribute("The reason.")
    count: int = attribute("How many have it.")


@described
class VerificationStats:
    """Counts over the verifications that match."""

    is_type_of = represents(domain.statistics.VerificationStats)

    total: int = attribute("All of them.")
    by_status: list[StatusCount] = attribute("By status; all four are listed.")
    by_reason: list[ReasonCount] = attribute("By reason, the most frequent first, equal ones by code. Internal ones need `verification:sensitive`.")
    billable: int = attribute("Those that the provider charges for.")
    median_seconds_to_result: float | None = attribute(
        "The median time from creation to the outcomes that people and providers caused, deadlines left out; null where there are none."
    )


@described
class Caller:
    """Whom a token speaks for."""

    is_type_of = represents(domain.caller.Caller)

    subject: str = attribute("Who it is, as the issuer of the token names them.")
    workspace: strawberry.ID = attribute("The workspace that the token opens.", name="workspaceId")
    scopes = field(visible.scopes, list[str])
    expires_at: datetime | None = attribute("When the token ends, and every subscription with it.")


@described
class FollowToken:
    """A short-lived token for the browser of the person being verified."""

    is_type_of = represents(domain.caller.FollowToken)

    token: str = attribute("The bearer token.")
    expires_at: datetime = attribute("When it ends.")


@described
class Refusal:
    """Why nothing was changed."""

    is_type_of = represents(resolvers.refusal.Refusal)

    code: RefusalCode = attribute("The kind of reason.")
    message: str = attribute("The reason in words, for developers.")
    field: str | None = attribute("The input's field at fault; null where none is.")


VerificationResult = Annotated[
    Verification | Refusal, strawberry.union("VerificationResult", description="The verification as it is now, or why nothing was changed.")
]
FollowTokenResult = Annotated[FollowToken | Refusal, strawberry.union("FollowTokenResult", description="The token, or why there is none.")]


@described
class VerificationUpdate:
    """A verification as it is now, and what happened since the message before."""

    is_type_of = represents(resolvers.subscriptions.VerificationUpdate)

    verification: Verification = attribute("Its state. With `followRetries`, its `id` tells which attempt the message is about.")
    events: list[VerificationEvent] = attribute("What happened since the message before, in order, without gaps.")


@described
class VerificationFeedItem:
    """A verification that changed, and where to go on after it."""

    is_type_of = represents(resolvers.subscriptions.VerificationFeedItem)

    cursor: str = attribute("To resume after this item: `after`.")
    verification: Verification | None = attribute("Its state; null where the item brings a cursor alone.")
