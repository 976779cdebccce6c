"""The three root types of the schema: they list all queries, mutations and subscriptions."""

from resolvers import deliveries, followed_verification, mutations, queries, workspace_feed
from resolvers.counting import STATISTICS
from resolvers.refusal import refusing
from schema.costs import Cost
from schema.fields import described_type, field, subscription
from schema.reasons import ReasonCode, StatusGuide
from schema.results import (
    Caller,
    FollowTokenResult,
    UnmatchedWebhook,
    VerificationConnection,
    VerificationFeedItem,
    VerificationResult,
    VerificationStats,
    VerificationUpdate,
    WebhookDelivery,
)
from schema.rules import ANYONE, FOLLOW, READ, REPORT, WRITE
from schema.verification import Node, Verification


@described_type
class Query:
    """The root type of the operations that read data."""

    node = field(queries.node, Node | None, FOLLOW, cost=Cost(1))
    verification = field(queries.verification, Verification | None, FOLLOW, cost=Cost(1))
    verifications = field(queries.verifications, VerificationConnection, READ, cost=Cost(1))
    verification_stats = field(queries.verification_stats, VerificationStats, READ, cost=Cost(STATISTICS))
    webhook_deliveries = field(deliveries.webhook_deliveries, list[WebhookDelivery], READ, cost=Cost(2, paged=True))
    statuses = field(queries.statuses, list[StatusGuide], ANYONE, cost=Cost(1), constant=True)
    reason_codes = field(queries.reason_codes, list[ReasonCode], ANYONE, cost=Cost(10), constant=True)
    reason_code = field(queries.reason_code, ReasonCode | None, ANYONE, cost=Cost(1), constant=True)
    me = field(queries.me, Caller, ANYONE)
    unmatched_webhooks = field(queries.unmatched_webhooks, list[UnmatchedWebhook], READ, cost=Cost(50))


@described_type
class Mutation:
    """The root type of the operations that change data. If the rules do not allow a mutation, its result is a `Refusal`, and nothing was changed."""

    create_verification = field(refusing(mutations.create_verification), VerificationResult, WRITE, cost=Cost(10))
    retry_verification = field(refusing(mutations.retry_verification), VerificationResult, WRITE, cost=Cost(10))
    report_progress = field(refusing(mutations.report_progress), VerificationResult, REPORT, cost=Cost(10))
    report_result = field(refusing(mutations.report_result), VerificationResult, REPORT, cost=Cost(10))
    close_verification = field(refusing(mutations.close_verification), VerificationResult, WRITE, cost=Cost(10))
    anonymize_verification = field(refusing(mutations.anonymize_verification), VerificationResult, WRITE, cost=Cost(10))
    resend_webhooks = field(refusing(mutations.resend_webhooks), VerificationResult, WRITE, cost=Cost(10))
    issue_follow_token = field(refusing(mutations.issue_follow_token), FollowTokenResult, WRITE, cost=Cost(10))


@described_type
class Subscription:
    """The root type of the operations that send the changes of verifications as they happen."""

    verification_updated = subscription(followed_verification.verification_updated, VerificationUpdate, FOLLOW, cost=Cost(5))
    verifications_updated = subscription(workspace_feed.verifications_updated, VerificationFeedItem, READ, cost=Cost(5))
