"""The GraphQL types of what lists, statistics, mutations and subscriptions return."""

from datetime import datetime
from typing import Annotated

import strawberry

import domain.caller
import domain.statistics
import domain.webhook
import resolvers.connection
import resolvers.deliveries
import resolvers.followed_verification
import resolvers.refusal
import resolvers.workspace_feed
from domain.delivery import DeliveryState
from domain.errors import RefusalCode
from domain.statistics import MAX_DAYS
from domain.status import Status
from resolvers import queries
from resolvers import verification as visible
from resolvers.counting import COUNT
from schema.costs import Cost
from schema.fields import attribute, described_type, field, represents
from schema.reasons import ReasonCode
from schema.rules import ANYONE, NOT_INTERNAL
from schema.verification import Verification, VerificationEvent


@described_type
class PageInfo:
    """Where a page is in its list: whether rows precede or follow it, and the cursors of its first and last row."""

    is_type_of = represents(resolvers.connection.PageInfo)

    has_next_page: bool = attribute(
        "Whether rows follow this page. Always true if `before` is given, since the row of that cursor follows the page.", ANYONE
    )
    has_previous_page: bool = attribute(
        "Whether rows precede this page. Always true if `after` is given, since the row of that cursor precedes the page.", ANYONE
    )
    start_cursor: str | None = attribute("The cursor of the first row; null for an empty page.", ANYONE)
    end_cursor: str | None = attribute("The cursor of the last row; null for an empty page.", ANYONE)


@described_type
class VerificationEdge:
    """A row of a list: a verification and its cursor."""

    is_type_of = represents(resolvers.connection.VerificationEdge)

    cursor: str = attribute("The position of the row in the list. Pass it as `after` or `before`, with the same `orderBy`.", ANYONE)
    node: Verification = attribute("The verification.", ANYONE)


@described_type
class VerificationConnection:
    """A page of a list of verifications."""

    is_type_of = represents(resolvers.connection.VerificationConnection)

    edges: list[VerificationEdge] = attribute("The rows of the page.", ANYONE, cost=Cost(1, paged=True))
    page_info: PageInfo = attribute("The position of the page in its list.", ANYONE)
    total_count = field(queries.total_count, int, ANYONE, cost=Cost(COUNT))


@described_type
class StatusCount:
    """The number of verifications with a status."""

    is_type_of = represents(domain.statistics.StatusCount)

    status: Status = attribute("The status.", ANYONE)
    count: int = attribute("The number of verifications with this status.", ANYONE)


@described_type
class ReasonCount:
    """The number of verifications with a reason. A verification with several reasons is counted for each of them."""

    is_type_of = represents(domain.statistics.ReasonCount)

    reason: ReasonCode = attribute("The reason.", ANYONE)
    count: int = attribute("The number of verifications with this reason.", ANYONE)


@described_type
class DayCount:
    """The number of verifications that were created on a day."""

    is_type_of = represents(domain.statistics.DayCount)

    day: str = attribute("The day in UTC, as YYYY-MM-DD.", ANYONE)
    total: int = attribute("The number of all matching verifications that were created on this day.", ANYONE)
    by_status: list[StatusCount] = attribute(
        "The number of these verifications by their present status. All four statuses are listed.", ANYONE, cost=Cost(1)
    )


@described_type
class VerificationStats:
    """Statistics of the verifications that match the filter."""

    is_type_of = represents(domain.statistics.VerificationStats)

    total: int = attribute("The number of all matching verifications.", ANYONE)
    by_status: list[StatusCount] = attribute("The number of verifications by status. All four statuses are listed.", ANYONE)
    by_reason: list[ReasonCount] = attribute(
        "The number of verifications by reason, the most frequent first. Equal counts are ordered by code.", NOT_INTERNAL
    )
    billable: int = attribute("The number of verifications that the provider charges for.", ANYONE)
    median_seconds_to_result: float | None = attribute(
        "The median time in seconds from creation to outcome, over the outcomes that an individual or a provider caused. "
        "Outcomes caused by deadlines are left out; null if there are no other outcomes.",
        ANYONE,
    )
    by_day: list[DayCount] = attribute(
        "The number of verifications by the day of their creation in UTC, the earliest day first. Days without any are left out. "
        f"If there are more than {MAX_DAYS} days, only the newest {MAX_DAYS} are listed. Counted only if this field is selected.",
        ANYONE,
        cost=Cost(2, rows=100),
    )


@described_type
class WebhookDelivery:
    """How far the events of a verification were delivered to your backend."""

    is_type_of = represents(resolvers.deliveries.VerificationDelivery)

    verification: Verification = attribute("The verification.", ANYONE)
    state: DeliveryState = attribute("Whether events wait, were delivered, or were given up.", ANYONE)
    delivered_version: int = attribute("The newest event that the backend accepted; 0 if it accepted none.", ANYONE)
    tries: int = attribute("How often the next event was sent without success.", ANYONE)
    next_try_at: datetime | None = attribute("When the next event is sent; null if no event waits.", ANYONE)
    last_status: int | None = attribute("The HTTP status of the last response; null if there was no response.", ANYONE)
    last_error: str | None = attribute("Why the last try failed; null if it succeeded.", ANYONE)


@described_type
class Caller:
    """The caller: the bearer of a token."""

    is_type_of = represents(domain.caller.Caller)

    subject: str = attribute("The `sub` of the token: the caller, as identified by the issuer of the token.", ANYONE)
    workspace: strawberry.ID = attribute("The workspace to which the token gives access.", ANYONE, name="workspaceId")
    scopes = field(visible.scopes, list[str], ANYONE)
    expires_at: datetime | None = attribute("When the token expires. All subscriptions that use the token end at this instant.", ANYONE)


@described_type
class UnmatchedWebhook:
    """A webhook of the provider that matches no verification. It is applied as soon as a verification with the provider's id exists."""

    is_type_of = represents(domain.webhook.UnmatchedWebhook)

    id: strawberry.ID = attribute("The id of the webhook, for the command `gateway inbox`.", ANYONE)
    received_at: datetime = attribute("When the webhook was received.", ANYONE)
    provider: str = attribute("The name of the provider.", ANYONE)
    provider_id: str = attribute("The provider's id of the verification.", ANYONE)
    status: Status | None = attribute("The status that the webhook announces; null if this release can't represent it.", ANYONE)


@described_type
class FollowToken:
    """A short-lived token for the browser of the person being verified."""

    is_type_of = represents(domain.caller.FollowToken)

    token: str = attribute("The bearer token.", ANYONE)
    expires_at: datetime = attribute("When the token expires.", ANYONE)


@described_type
class Refusal:
    """The reason why a mutation changed nothing."""

    is_type_of = represents(resolvers.refusal.Refusal)

    code: RefusalCode = attribute("The kind of the refusal, for programs.", ANYONE)
    message: str = attribute("An explanation for developers.", ANYONE)
    field: str | None = attribute("The name of the invalid input field; null if the refusal is not about a field.", ANYONE)


VerificationResult = Annotated[
    Verification | Refusal,
    strawberry.union("VerificationResult", description="The verification in its current state, or the reason why the mutation changed nothing."),
]
FollowTokenResult = Annotated[
    FollowToken | Refusal, strawberry.union("FollowTokenResult", description="The token, or the reason why no token was issued.")
]


@described_type
class VerificationUpdate:
    """The current state of a verification, and the events since the previous message."""

    is_type_of = represents(resolvers.followed_verification.VerificationUpdate)

    cursor: str = attribute(
        "The cursor of this message. Pass it as `cursor` to resume the subscription after this message. It holds which version of each attempt was "
        "sent, and has at most 2,048 characters.",
        ANYONE,
    )
    verification: Verification = attribute(
        "The current state. With `followRetries`, its `id` and `attempt` show to which attempt the message belongs.", ANYONE
    )
    events: list[VerificationEvent] = attribute(
        "The events since the previous message, oldest first. The first message contains the events after `cursor` or `after`, "
        "or no events if both were omitted. Events that this release of the gateway can't represent are left out.",
        ANYONE,
        cost=Cost(3),
    )


@described_type
class VerificationFeedItem:
    """A changed verification, and the cursor with which the subscription can be resumed after this item."""

    is_type_of = represents(resolvers.workspace_feed.VerificationFeedItem)

    cursor: str = attribute("The cursor of this item. Pass it as `after` to resume the subscription after this item.", ANYONE)
    verification: Verification | None = attribute("The state after the change; null if the item contains only a cursor.", ANYONE)
    matches: bool | None = attribute(
        "Whether the verification matches the filter now. If it is false, the verification matched before the change: remove it from your list. "
        "Null if `verification` is null.",
        ANYONE,
    )
    removed_id: strawberry.ID | None = attribute(
        "The id of a verification that the gateway deleted: remove it from your list if you have it. `verification` is null then.", ANYONE
    )
