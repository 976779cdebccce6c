"""What is refused, as facts. A `DomainError` is an answer to a mutation; any other `RequestError` ends the request or the stream."""

from domain.described import Described
from domain.status import Status


class RefusalCode(Described):
    """Why a mutation was refused."""

    NOT_FOUND = "not_found", "Nothing with this id exists in the caller's workspace."
    INVALID_INPUT = "invalid_input", "A value is not acceptable; `field` names it."
    ILLEGAL_TRANSITION = "illegal_transition", "The verification's status does not allow this."
    NOT_RETRYABLE = "not_retryable", "Only an inconclusive or failed verification can be retried."
    NOT_FINAL = "not_final", "This can only be done once the status is final."
    IDEMPOTENCY_CONFLICT = "idempotency_conflict", "The idempotency key was used before, with another input."
    CONFLICT = "conflict", "Others kept changing the verification at the same time (try again), or this release can't read it. Nothing was written."
    PROVIDER_UNAVAILABLE = "provider_unavailable", "The provider could not be reached; nothing was written. Try again."


class RequestError(Exception):
    """What can't be answered, and why, in words that may be shown to the caller."""

    code: str


class DomainError(RequestError):
    """What the rules refuse. `field` is the GraphQL name of the input field at fault."""

    refusal: RefusalCode
    field: str | None = None


class NotFound(DomainError):
    """The caller's workspace has no such verification."""

    refusal = RefusalCode.NOT_FOUND
    code = "NOT_FOUND"

    def __init__(self, verification_id: str, field: str = "verificationId") -> None:
        super().__init__(f"no verification {verification_id[:64]!r} in this workspace")
        self.field = field


class InvalidInput(DomainError):
    """An input field holds what can't be accepted."""

    refusal = RefusalCode.INVALID_INPUT
    code = "BAD_USER_INPUT"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field} {message}")
        self.field = field


class NotRetryable(DomainError):
    """A retry was asked for where none may follow."""

    refusal = RefusalCode.NOT_RETRYABLE
    code = "CONFLICT"

    def __init__(self, verification_id: str, status: Status) -> None:
        super().__init__(f"{verification_id} is {status.value}; only an inconclusive or failed verification can be retried")


class NotFinal(DomainError):
    """Something was asked for that has to wait for a final status."""

    refusal = RefusalCode.NOT_FINAL
    code = "CONFLICT"

    def __init__(self, verification_id: str) -> None:
        super().__init__(f"{verification_id} is still pending; wait for its final status")


class IdempotencyConflict(DomainError):
    """One idempotency key, two inputs."""

    refusal = RefusalCode.IDEMPOTENCY_CONFLICT
    code = "CONFLICT"
    field = "idempotencyKey"

    def __init__(self) -> None:
        super().__init__("idempotencyKey was used before with another input; use a new key for a new verification")


class Conflict(DomainError):
    """Others won every race for a verification until the request's time was up."""

    refusal = RefusalCode.CONFLICT
    code = "CONFLICT"

    def __init__(self, verification_id: str) -> None:
        super().__init__(f"{verification_id} kept changing; nothing was written, try again")


class BadDocument(DomainError):
    """A stored verification that this release can't represent: a newer release wrote it, or it is damaged.

    `stored_field` names what can't be read, `cause` says why, for the log. `chain` is what the document names as its chain, for callers who are
    confined to one.
    """

    refusal = RefusalCode.CONFLICT
    code = "BAD_DOCUMENT"

    def __init__(self, verification_id: object, stored_field: str, chain: object = None, cause: str = "can't be read") -> None:
        # Anything may stand in place of an id. Only a text is safe to show.
        self.verification_id = verification_id[:64] if isinstance(verification_id, str) else f"<{type(verification_id).__name__}>"
        self.stored_field = stored_field
        self.chain = chain
        self.cause = cause
        super().__init__(f"{stored_field} of {self.verification_id} can't be read by this release")


class BadValue(BadDocument):
    """One value of a verification that this release can't represent. It stands in the value's place, and the rest of the verification is readable.

    GraphQL answers a field whose value is an exception with null and this error.
    """

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BadValue) and (self.verification_id, self.stored_field) == (other.verification_id, other.stored_field)

    def __hash__(self) -> int:
        return hash((self.verification_id, self.stored_field))


class BadUserInput(RequestError):
    """An argument of a query or subscription can't be used."""

    code = "BAD_USER_INPUT"


class Forbidden(RequestError):
    """The caller's token doesn't reach this far."""

    code = "FORBIDDEN"


class VersionAhead(RequestError):
    """A subscriber has seen a version that doesn't exist: the database was restored from a backup."""

    code = "VERSION_AHEAD"

    def __init__(self, verification_id: str, after: int, version: int) -> None:
        super().__init__(f"{verification_id} is at version {version}, not yet at {after}; read it anew and subscribe without `after`")


class Lagged(RequestError):
    """A subscriber of a workspace's feed fell too far behind."""

    code = "LAGGED"

    def __init__(self) -> None:
        super().__init__("more verifications changed than are kept for a slow reader; read the list anew, then subscribe again")


class Unavailable(RequestError):
    """MongoDB didn't answer in time."""

    code = "UNAVAILABLE"

    def __init__(self) -> None:
        super().__init__("the database did not answer in time; try again, a mutation with the same idempotency key, since it may have been made")


class TooComplex(RequestError):
    """An answer would hold more than one answer may."""

    code = "QUERY_TOO_COMPLEX"

    def __init__(self, most: int) -> None:
        super().__init__(f"the answer would hold more than {most} attempts, events, reasons and other items; ask for fewer rows, or for less of each")
