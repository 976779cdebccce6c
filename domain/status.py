"""The four statuses of a verification, and what the integrator should do when a verification has one of them.

Source: Yousign's page "Follow video identity verification status", table of verification statuses.
"""

from dataclasses import dataclass

from domain.described import Described


class Status(Described):
    """The status of a verification. Only PENDING can change, and an INCONCLUSIVE that the gateway concluded by itself."""

    PENDING = "pending", "The video identity verification has been initiated."
    INCONCLUSIVE = "inconclusive", "The verification could not be completed."
    VERIFIED = "verified", "The identity has been successfully verified."
    FAILED = "failed", "The identity verification failed due to certain issues; its reasons say which."

    @property
    def final(self) -> bool:
        """Whether the verification has an outcome. Only the outcome INCONCLUSIVE of the actor SYSTEM can be replaced, by the provider's verdict."""
        return self is not Status.PENDING

    @property
    def billable(self) -> bool | None:
        """Whether the provider charges for a verification with this status. None for PENDING, since the charge depends on the outcome."""
        return None if self is Status.PENDING else self is not Status.INCONCLUSIVE


class Phase(Described):
    """How far a verification has come, in more detail than its status. Use it to show progress to a waiting person."""

    AWAITING_INDIVIDUAL = "awaiting_individual", "The individual has not opened the link yet."
    IN_SESSION = "in_session", "The individual opened the link but has not begun to record. The recording must begin before `linkExpiresAt`."
    CAPTURING = "capturing", "The individual is recording the document and the face."
    PROCESSING = "processing", "The recording is complete, and the provider is checking it. The individual has nothing left to do."
    DONE = "done", "The status is final."


class RecommendedAction(Described):
    """What the integrator should do next with a verification."""

    SHARE_VERIFICATION_URL = "share_verification_url", "Share `verificationUrl` with the individual, then wait for the status to change."
    WAIT = "wait", "Wait for the status to change, or for `verificationUrl` if it is still null."
    CREATE_RETRY = "create_retry", "Create a retry with `retryVerification`."
    ACCEPT_REQUEST = "accept_request", "Accept the request that required the verification."
    REJECT_REQUEST = "reject_request", "Reject the request that required the verification. A retry may still be possible: see `canRetry`."


RECOMMENDED = {
    Status.PENDING: RecommendedAction.SHARE_VERIFICATION_URL,
    Status.INCONCLUSIVE: RecommendedAction.CREATE_RETRY,
    Status.VERIFIED: RecommendedAction.ACCEPT_REQUEST,
    Status.FAILED: RecommendedAction.REJECT_REQUEST,
}


@dataclass(frozen=True, slots=True)
class StatusGuide:
    """A status with its meaning and what the integrator should do: one row of the provider's table of statuses."""

    status: Status
    description: str
    recommended_action: RecommendedAction
    billable: bool | None
    final: bool


STATUSES = tuple(StatusGuide(status, status.meaning, action, status.billable, status.final) for status, action in RECOMMENDED.items())
