"""The four statuses of a verification, and what each asks of whoever waits for it.

Source: "Follow video identity verification status", table of verification statuses.
"""

from dataclasses import dataclass

from domain.described import Described


class Status(Described):
    """Where a verification stands. Only PENDING can change; the other three are final."""

    PENDING = "pending", "The video identity verification has been initiated."
    INCONCLUSIVE = "inconclusive", "The verification could not be completed."
    VERIFIED = "verified", "The identity has been successfully verified."
    FAILED = "failed", "The identity verification failed due to certain issues; its reasons say which."

    @property
    def final(self) -> bool:
        """Whether nothing can follow."""
        return self is not Status.PENDING

    @property
    def billable(self) -> bool | None:
        """Whether the provider charges for it; None while that isn't known."""
        return None if self is Status.PENDING else self is not Status.INCONCLUSIVE


class Phase(Described):
    """How far a verification has come, finer than its status: what a waiting person can be told."""

    AWAITING_INDIVIDUAL = "awaiting_individual", "The link has never been opened."
    IN_SESSION = "in_session", "The link was opened; the capture has not begun, and `linkExpiresAt` is near."
    CAPTURING = "capturing", "The individual is recording document and face."
    PROCESSING = "processing", "The capture is complete, and the provider is checking it: nothing is left for the individual to do."
    DONE = "done", "The status is final."


class RecommendedAction(Described):
    """What to do next with a verification."""

    SHARE_VERIFICATION_URL = "share_verification_url", "Share `verificationUrl` with the individual, then wait for the status to change."
    WAIT = "wait", "Wait for the status to change."
    CREATE_RETRY = "create_retry", "Initiate a retry: `retryVerification`."
    ACCEPT_REQUEST = "accept_request", "Proceed with accepting the request that required the verification."
    REJECT_REQUEST = "reject_request", "Reject the request that required the verification; a retry may still be possible, see `canRetry`."


RECOMMENDED = {
    Status.PENDING: RecommendedAction.SHARE_VERIFICATION_URL,
    Status.INCONCLUSIVE: RecommendedAction.CREATE_RETRY,
    Status.VERIFIED: RecommendedAction.ACCEPT_REQUEST,
    Status.FAILED: RecommendedAction.REJECT_REQUEST,
}


@dataclass(frozen=True, slots=True)
class StatusGuide:
    """A row of the table of statuses."""

    status: Status
    description: str
    recommended_action: RecommendedAction
    billable: bool | None
    final: bool


STATUSES = tuple(StatusGuide(status, status.meaning, action, status.billable, status.final) for status, action in RECOMMENDED.items())
