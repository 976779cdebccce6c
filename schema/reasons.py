"""Statuses and reason codes, explained."""

import domain.reasons
import domain.status
from domain.reasons import ReasonType, RetryAdvice
from domain.status import RecommendedAction, Status
from schema.fields import attribute, described, represents
from schema.rules import ANYONE


@described
class ReasonCode:
    """A reason that a provider gives for an outcome, explained. Codes may be added at any time: decide by `status`, `type` or `retryAdvice`."""

    is_type_of = represents(domain.reasons.ReasonCode, key="code")

    code: str = attribute("The provider's code, such as IDVV_1101.", ANYONE)
    known: bool = attribute("Whether the catalogue has this code.", ANYONE)
    type: ReasonType = attribute("The family that it belongs to.", ANYONE)
    statuses: list[Status] = attribute("The statuses that it can go with.", ANYONE)
    description: str = attribute("What happened, in a sentence.", ANYONE)
    retry_advice: RetryAdvice = attribute("Whether trying again can help, and what should be different then.", ANYONE)
    internal: bool = attribute("Whether the person verified must not learn of it.", ANYONE)


@described
class StatusGuide:
    """A status, and what it asks of whoever waits for it."""

    is_type_of = represents(domain.status.StatusGuide)

    status: Status = attribute("The status.", ANYONE)
    description: str = attribute("What it means.", ANYONE)
    recommended_action: RecommendedAction = attribute("What to do when a verification has it.", ANYONE)
    billable: bool | None = attribute("Whether the provider charges for it; null while that isn't known.", ANYONE)
    final: bool = attribute("Whether nothing can follow.", ANYONE)
