"""The errors that a caller may see. If a mutation raises a `DomainError`, the client receives a `Refusal`.

In all other cases, the client receives a GraphQL error, and a subscription whose resolver raises the error ends.
"""

from collections.abc import Mapping
from math import ceil

from domain.described import Described
from domain.status import Status


class RefusalCode(Described):
    """Why a mutation was refused."""

    NOT_FOUND = "not_found", "The caller's workspace has no verification with this id."
    INVALID_INPUT = "invalid_input", "A value of the input is not valid: the value of the input field that `field` names."
    ILLEGAL_TRANSITION = "illegal_transition", "The status of the verification does not allow this mutation."
    NOT_RETRYABLE = "not_retryable", "Only an inconclusive or failed verification can be retried, unless its retry was deleted."
    NOT_FINAL = "not_final", "The mutation is only possible once the status is final."
    IDEMPOTENCY_CONFLICT = (
        "idempotency_conflict",
        "The idempotency key was already used with a different input, or for a verification that was anonymized since.",
    )
    CONFLICT = (
        "conflict",
        "Other requests kept changing the verification (try again), or this release of the gateway can't read it. Nothing was written.",
    )
    PROVIDER_UNAVAILABLE = "provider_unavailable", "No provider is configured for the workspace. Nothing was written."
    PROVIDER_REFUSED = (
        "provider_refused",
        "The provider does not accept the verification, which was stored and is INCONCLUSIVE. `message` has the provider's reason.",
    )


class RequestError(Exception):
    """A request that can't be served. The message may be shown to the caller. `details`: what clients find in `extensions`, besides the code."""

    code: str
    details: Mapping[str, object] = {}


class DomainError(RequestError):
    """An error that becomes a `Refusal` if a mutation raises it. `field` is the GraphQL name of the invalid input field, if there is one."""

    refusal: RefusalCode
    field: str | None = None


class NotFound(DomainError):
    """The caller's workspace has no verification with the requested id. `field` names the input field that contained the id."""

    refusal = RefusalCode.NOT_FOUND
    code = "NOT_FOUND"

    def __init__(self, verification_id: str, field: str = "verificationId") -> None:
        super().__init__(f"no verification {verification_id[:64]!r} in this workspace")
        self.field = field


class InvalidInput(DomainError):
    """The value of an input field is not valid."""

    refusal = RefusalCode.INVALID_INPUT
    code = "BAD_USER_INPUT"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field} {message}")
        self.field = field


class ProviderIdTaken(InvalidInput):
    """Another verification in the workspace already has the id at the provider that a new verification should have."""

    def __init__(self) -> None:
        super().__init__("external.id", "is already the provider's id of another verification in this workspace")


class NoProvider(DomainError):
    """A verification can't be started, because no provider is configured."""

    refusal = RefusalCode.PROVIDER_UNAVAILABLE
    code = "UNAVAILABLE"

    def __init__(self) -> None:
        super().__init__("no provider is configured for this workspace; set GATEWAY_PROVIDER or GATEWAY_PROVIDERS_FILE")


class NotRetryable(DomainError):
    """A retry was requested for a verification that cannot be retried."""

    refusal = RefusalCode.NOT_RETRYABLE
    code = "CONFLICT"

    def __init__(self, verification_id: str, status: Status) -> None:
        super().__init__(f"{verification_id} is {status.value}; only an inconclusive or failed verification can be retried")


class RetryDeleted(DomainError):
    """A retry was requested for a verification that was retried before, and whose retry was deleted from the database since."""

    refusal = RefusalCode.NOT_RETRYABLE
    code = "CONFLICT"

    def __init__(self, verification_id: str) -> None:
        super().__init__(f"{verification_id} was retried, and the retry was deleted; create a new verification instead")


class AlreadyFinal(DomainError):
    """A verification was to be closed, but it already has another outcome."""

    refusal = RefusalCode.ILLEGAL_TRANSITION
    code = "CONFLICT"

    def __init__(self, verification_id: str, status: Status) -> None:
        super().__init__(f"{verification_id} is already {status.value}; only a pending verification can be closed")


class NotFinal(DomainError):
    """The requested mutation needs a final status, but the verification is still pending."""

    refusal = RefusalCode.NOT_FINAL
    code = "CONFLICT"

    def __init__(self, verification_id: str) -> None:
        super().__init__(f"{verification_id} is still pending; wait for its final status, or close it with closeVerification")


class IdempotencyConflict(DomainError):
    """An idempotency key was used with two different inputs, or was used again after its verification was anonymized."""

    refusal = RefusalCode.IDEMPOTENCY_CONFLICT
    code = "CONFLICT"
    field = "idempotencyKey"

    def __init__(self) -> None:
        super().__init__(
            "idempotencyKey was already used with another input, or for a verification that was anonymized; use a new key for a new verification"
        )


class ProviderRefused(DomainError):
    """The provider does not accept a verification. The message is the provider's; it is returned to the caller and not stored."""

    refusal = RefusalCode.PROVIDER_REFUSED
    code = "CONFLICT"

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class RefusedBefore(ProviderRefused):
    """A creation was repeated with its idempotency key, and the provider had refused the first one. The provider's message was not stored."""

    def __init__(self) -> None:
        super().__init__("the provider refused this verification when it was first requested; correct the input and use a new idempotency key")


class Conflict(DomainError):
    """Other requests changed the verification at the same time, so that this request could not change it before its time limit."""

    refusal = RefusalCode.CONFLICT
    code = "CONFLICT"

    def __init__(self, verification_id: str) -> None:
        super().__init__(f"{verification_id} kept changing; nothing was written, try again")


class BadDocument(DomainError):
    """A stored verification that this release can't represent: a newer release wrote it, or it is damaged.

    `stored_field` is the field that can't be read; `cause` is the reason, for the log. `chain` is the document's chain id: a caller who is confined
    to one chain must not see errors of other chains.
    """

    refusal = RefusalCode.CONFLICT
    code = "BAD_DOCUMENT"

    def __init__(self, verification_id: object, stored_field: str, chain: object = None, cause: str = "can't be read") -> None:
        # A damaged document may have a value of any type as its id. Only a string is safe to show.
        self.verification_id = verification_id[:64] if isinstance(verification_id, str) else f"<{type(verification_id).__name__}>"
        self.stored_field = stored_field
        self.chain = chain
        self.cause = cause
        super().__init__(f"{stored_field} of {self.verification_id} can't be read by this release")


class BadValue(BadDocument):
    """One value of a verification that this release can't represent. This error takes the place of the value; all other values remain readable.

    If the value of a field is an exception, GraphQL returns null for the field and reports the exception as an error.
    """

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BadValue) and (self.verification_id, self.stored_field) == (other.verification_id, other.stored_field)

    def __hash__(self) -> int:
        return hash((self.verification_id, self.stored_field))


class BadUserInput(RequestError):
    """An argument of a query or subscription is not valid."""

    code = "BAD_USER_INPUT"


class Forbidden(RequestError):
    """The caller's token does not have the required scope."""

    code = "FORBIDDEN"


class VersionAhead(RequestError):
    """A subscriber wants to resume after a version that does not exist, for example because the database was restored from a backup."""

    code = "VERSION_AHEAD"

    def __init__(self, verification_id: str, after: int, version: int) -> None:
        fact = f"{verification_id} is at version {version}, not yet at {after}" if version else f"version {after} of {verification_id} is not stored"
        super().__init__(f"{fact}; read it again and subscribe without `after` and `cursor`")


class Lagged(RequestError):
    """A subscriber to the feed of a workspace is too far behind: too many verifications changed or were removed, or its cursor is too old."""

    code = "LAGGED"

    def __init__(self, cause: str = "more verifications changed than the gateway keeps for a slow subscriber") -> None:
        super().__init__(f"{cause}; read the list again, then subscribe again")


class Unavailable(RequestError):
    """MongoDB did not respond in time, or something that the request needs is not ready, such as an index or the change stream."""

    code = "UNAVAILABLE"

    def __init__(self) -> None:
        super().__init__("the database did not respond in time; try again (a mutation with the same idempotency key, since it may have succeeded)")


class RateLimited(RequestError):
    """The caller has a debt: earlier operations cost more than the caller's rate allowed."""

    code = "RATE_LIMITED"

    def __init__(self, wait_seconds: float) -> None:
        super().__init__("the caller's rate is used up; wait for `retryAfterMs`, then try again")
        self.details = {"retryAfterMs": ceil(wait_seconds * 1000)}


class TookTooLong(RequestError):
    """MongoDB did not finish a count within the time limit."""

    code = "TIMEOUT"

    def __init__(self) -> None:
        super().__init__("counting took too long; narrow the filter, for example to a shorter period")


class TooComplex(RequestError):
    """The response would contain more items than the limit allows."""

    code = "QUERY_TOO_COMPLEX"

    def __init__(self, max_items: int) -> None:
        super().__init__(f"the response would contain more than {max_items} attempts, events, reasons and other items; request fewer rows or fields")
