"""The inputs of the schema. Each knows what it means to the domain."""

import inspect
import json
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar, dataclass_transform

import strawberry

from domain.event import Progress
from domain.filter import Filter
from domain.identity import DeclaredIdentity, DocumentType, ExtractedDocument
from domain.reasons import ReasonType
from domain.result import Result
from domain.status import Status
from domain.text import optional, short, web_address
from domain.verification import Idempotency, Request, RetryRequest

T = TypeVar("T", bound=type)


@dataclass_transform(field_specifiers=(strawberry.field,))
def described(cls: T) -> T:
    """An input type whose description is its docstring."""
    return strawberry.input(cls, description=inspect.getdoc(cls))


@described
class VerificationFilter:
    """Which verifications are asked for. All conditions that are given must hold; an empty list is met by none."""

    status: list[Status] | None = strawberry.field(default=None, description="One of these statuses.")
    reason_code: list[str] | None = strawberry.field(default=None, description="At least one of these reason codes; at most 50 can be named.")
    reason_type: list[ReasonType] | None = strawberry.field(default=None, description="At least one reason of one of these types.")
    reference: str | None = strawberry.field(default=None, description="Exactly this reference.")
    created_after: datetime | None = strawberry.field(default=None, description="Created at this instant or later.")
    created_before: datetime | None = strawberry.field(default=None, description="Created before this instant.")
    first_attempts_only: bool | None = strawberry.field(default=None, description="Where true: no retries.")

    def to_domain(self) -> Filter:
        """The filter that the store and the feed understand."""
        return Filter(
            statuses=None if self.status is None else tuple(self.status),
            reason_codes=None if self.reason_code is None else tuple(self.reason_code),
            reason_types=None if self.reason_type is None else tuple(self.reason_type),
            reference=self.reference,
            created_from=self.created_after,
            created_before=self.created_before,
            first_attempts_only=bool(self.first_attempts_only),
        )


@described
class CreateVerificationInput:
    """A verification to create."""

    first_name: str = strawberry.field(description="The given name, exactly as in the document: 1 to 255 characters.")
    last_name: str = strawberry.field(description="The family name, exactly as in the document: 1 to 255 characters.")
    redirection_url: str = strawberry.field(description="Where the individual is sent afterwards: http or https, at most 2,000 characters.")
    reference: str | None = strawberry.field(default=None, description="The caller's own name for it, to find it by: at most 255 characters.")
    face_recognition: bool = strawberry.field(default=False, description="Whether the individual's face is to be compared with the document.")
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="At most 255 characters. The same key with the same input returns the verification that was created first, as it is now.",
    )

    def to_domain(self, fingerprint: Callable[[str], str]) -> Request:
        """The request, where all of it can be used. Raises: InvalidInput."""
        declared = DeclaredIdentity.declared(self.first_name, self.last_name)
        redirection_url = web_address("redirectionUrl", self.redirection_url)
        reference = optional(short, "reference", self.reference)
        key = optional(short, "idempotencyKey", self.idempotency_key)
        told = json.dumps([self.first_name, self.last_name, redirection_url, reference, self.face_recognition])
        return Request(declared, redirection_url, reference, self.face_recognition, Idempotency(key, fingerprint(told)) if key else None)


@described
class RetryVerificationInput:
    """A retry of an inconclusive or failed verification. What is left out stays as it was."""

    verification_id: strawberry.ID = strawberry.field(description="The attempt to retry.")
    redirection_url: str | None = strawberry.field(default=None, description="Where the individual is sent afterwards.")
    first_name: str | None = strawberry.field(default=None, description="The given name. Needed where the attempt was anonymized.")
    last_name: str | None = strawberry.field(default=None, description="The family name. Needed where the attempt was anonymized.")

    def to_domain(self) -> RetryRequest:
        """The changes. They are checked when they are used: repeating a request whose retry exists ignores them."""
        return RetryRequest(self.first_name, self.last_name, self.redirection_url)


@described
class ReportProgressInput:
    """A step of the individual, as the provider saw it."""

    verification_id: strawberry.ID = strawberry.field(description="The verification.")
    progress: Progress = strawberry.field(description="The step. Earlier ones that were not reported are taken to have happened with it.")
    event_id: str | None = strawberry.field(
        default=None,
        description="The provider's name for this event, at most 255 characters: an event that is known already changes nothing.",
    )

    def source_id(self) -> str | None:
        """The event's name, where it can be used. Raises: InvalidInput."""
        return optional(short, "eventId", self.event_id)


@described
class ExtractedDocumentInput:
    """What the provider read from the document."""

    full_name: str | None = strawberry.field(default=None, description="The full name.")
    born_on: str | None = strawberry.field(default=None, description="The day of birth, as YYYY-MM-DD.")
    type: DocumentType | None = strawberry.field(default=None, description="The kind of document.")
    issuing_country_code: str | None = strawberry.field(default=None, description="The issuing country, ISO 3166-1, such as FR.")
    national_identification_number: str | None = strawberry.field(default=None, description="The number that the country gave the person.")

    def to_domain(self) -> ExtractedDocument:
        """The document, where all of it can be used. Raises: InvalidInput."""
        return ExtractedDocument.extracted(self.full_name, self.born_on, self.type, self.issuing_country_code, self.national_identification_number)


@described
class ReportResultInput:
    """The outcome, as the provider reports it."""

    verification_id: strawberry.ID = strawberry.field(description="The verification.")
    status: Status = strawberry.field(description="The final status. PENDING is refused.")
    reason_codes: list[str] = strawberry.field(
        default_factory=list,
        description="Why: at least one code where the status is FAILED or INCONCLUSIVE, none where it is VERIFIED. Unknown codes are kept.",
    )
    extracted_document: ExtractedDocumentInput | None = strawberry.field(default=None, description="What was read from the document.")
    event_id: str | None = strawberry.field(
        default=None,
        description="The provider's name for this event, at most 255 characters: an event that is known already changes nothing.",
    )

    def to_domain(self) -> Result:
        """The result, where all of it can be used. Raises: InvalidInput."""
        document = self.extracted_document.to_domain() if self.extracted_document else None
        return Result.reported(self.status, self.reason_codes, document, optional(short, "eventId", self.event_id))
