"""Everything that can be asked for: the table of contents."""

from resolvers import mutations, queries, subscriptions
from resolvers.refusal import refusing
from schema.fields import FOLLOW, READ, REPORT, WRITE, described, field, subscription
from schema.reasons import ReasonCode, StatusGuide
from schema.results import (
    Caller,
    FollowTokenResult,
    VerificationConnection,
    VerificationFeedItem,
    VerificationResult,
    VerificationStats,
    VerificationUpdate,
)
from schema.verification import Node, Verification


@described
class Query:
    """Everything that can be read."""

    node = field(queries.node, Node | None, needs=FOLLOW)
    verification = field(queries.verification, Verification | None, needs=FOLLOW)
    verifications = field(queries.verifications, VerificationConnection, needs=READ)
    verification_stats = field(queries.verification_stats, VerificationStats, needs=READ)
    statuses = field(queries.statuses, list[StatusGuide])
    reason_codes = field(queries.reason_codes, list[ReasonCode])
    reason_code = field(queries.reason_code, ReasonCode | None)
    me = field(queries.me, Caller)


@described
class Mutation:
    """Everything that can be changed. What is refused is an answer, a `Refusal`, and nothing was changed then."""

    create_verification = field(refusing(mutations.create_verification), VerificationResult, needs=WRITE)
    retry_verification = field(refusing(mutations.retry_verification), VerificationResult, needs=WRITE)
    report_progress = field(refusing(mutations.report_progress), VerificationResult, needs=REPORT)
    report_result = field(refusing(mutations.report_result), VerificationResult, needs=REPORT)
    anonymize_verification = field(refusing(mutations.anonymize_verification), VerificationResult, needs=WRITE)
    issue_follow_token = field(refusing(mutations.issue_follow_token), FollowTokenResult, needs=WRITE)


@described
class Subscription:
    """Everything that can be followed live."""

    verification_updated = subscription(subscriptions.verification_updated, VerificationUpdate, needs=FOLLOW)
    verifications_updated = subscription(subscriptions.verifications_updated, VerificationFeedItem, needs=READ)
