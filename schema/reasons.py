"""The GraphQL types that explain statuses and reason codes."""

import domain.reasons
import domain.status
from domain.reasons import ReasonType, RetryAdvice
from domain.status import RecommendedAction, Status
from resolvers import reasons as visible
from schema.fields import attribute, described_type, field, represents
from schema.rules import ANYONE


@described_type
class ReasonCode:
    """A reason for an outcome. The provider may add codes at any time: base decisions on `status`, `type` or `retryAdvice`, not on `code`."""

    is_type_of = represents(domain.reasons.ReasonCode, key="key")

    code: str = attribute("The provider's code, such as IDVV_1101.", ANYONE)
    known: bool = attribute("Whether the code is in the catalogue.", ANYONE)
    type: ReasonType = attribute("The category of the code.", ANYONE)
    statuses: list[Status] = attribute("The statuses with which the code is allowed.", ANYONE)
    description: str = attribute("What happened, in one sentence.", ANYONE)
    retry_advice: RetryAdvice = attribute(
        "Whether a retry can help, and what the individual should change for it. Inside a verification, it also depends on the outcome and on the "
        "caller: see `reasons`.",
        ANYONE,
    )
    internal: bool = attribute("Whether the person being verified must not see the code.", ANYONE)
    guidance = field(visible.guidance, str | None, ANYONE)


@described_type
class StatusGuide:
    """A status, and what to do when a verification has it."""

    is_type_of = represents(domain.status.StatusGuide)

    status: Status = attribute("The status.", ANYONE)
    description: str = attribute("The meaning of the status.", ANYONE)
    recommended_action: RecommendedAction = attribute("What to do when a verification has this status.", ANYONE)
    billable: bool | None = attribute(
        "Whether the provider charges for a verification with this status; null for PENDING, since the charge depends on the outcome.", ANYONE
    )
    final: bool = attribute(
        "Whether the status is an outcome. The provider's verdict replaces an outcome INCONCLUSIVE that the gateway concluded at a deadline.",
        ANYONE,
    )
