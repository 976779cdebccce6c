"""The input types of the schema, with their conversion to domain objects."""

import inspect
import json
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar, dataclass_transform

import strawberry

from domain.event import ClosingNote, Progress
from domain.extraction import Extraction
from domain.filter import Filter
from domain.identity import DeclaredIdentity, DocumentType
from domain.reasons import ReasonType
from domain.request import ExternalProvider, Idempotency, Request, RetryRequest
from domain.requirements import Requirements
from domain.result import Result
from domain.status import Phase, Status
from domain.text import identifier, one_line, optional, web_address

T = TypeVar("T", bound=type)


@dataclass_transform(field_specifiers=(strawberry.field,))
def described_input(cls: T) -> T:
    """Declares a class as a GraphQL input type. The docstring of the class becomes the description of the type."""
    return strawberry.input(cls, description=inspect.getdoc(cls))


@described_input
class VerificationFilter:
    """The conditions that select verifications. A verification must meet all conditions that are not null. No verification meets an empty list.

    No condition is relative to the current time, so a verification never begins or ceases to match unless it changes.
    """

    status: list[Status] | None = strawberry.field(default=None, description="The verification has one of these statuses.")
    reason_code: list[str] | None = strawberry.field(
        default=None, description="At least one reason of the verification has one of these codes. At most 50 codes are accepted."
    )
    reason_type: list[ReasonType] | None = strawberry.field(
        default=None, description="At least one reason of the verification has one of these types."
    )
    reference: str | None = strawberry.field(default=None, description="The verification has exactly this reference.")
    created_after: datetime | None = strawberry.field(default=None, description="The verification was created at this instant or later.")
    created_before: datetime | None = strawberry.field(default=None, description="The verification was created before this instant.")
    updated_after: datetime | None = strawberry.field(default=None, description="The last change of the verification was at this instant or later.")
    updated_before: datetime | None = strawberry.field(default=None, description="The last change of the verification was before this instant.")
    completed_after: datetime | None = strawberry.field(
        default=None, description="The verification has an outcome, which was reached at this instant or later: see `completedAt`."
    )
    completed_before: datetime | None = strawberry.field(
        default=None, description="The verification has an outcome, which was reached before this instant: see `completedAt`."
    )
    phase: list[Phase] | None = strawberry.field(
        default=None,
        description="The verification is in one of these phases. "
        "Those that have been with the provider for too long: `phase: [PROCESSING]` with `updatedBefore`.",
    )
    first_attempts_only: bool | None = strawberry.field(default=None, description="If true, retries are excluded.")
    has_ignored_results: bool | None = strawberry.field(
        default=None,
        description="If true, only verifications with a result that did not change the status (event `RESULT_IGNORED`); "
        "if false, only verifications without one.",
    )
    provider_id: str | None = strawberry.field(default=None, description="The provider's own id of the verification is exactly this one.")

    def to_domain(self) -> Filter:
        """The same conditions as a domain object, for the store and the feed."""
        return Filter(
            statuses=None if self.status is None else tuple(self.status),
            reason_codes=None if self.reason_code is None else tuple(self.reason_code),
            reason_types=None if self.reason_type is None else tuple(self.reason_type),
            reference=self.reference,
            created_from=self.created_after,
            created_before=self.created_before,
            first_attempts_only=bool(self.first_attempts_only),
            updated_from=self.updated_after,
            updated_before=self.updated_before,
            completed_from=self.completed_after,
            completed_before=self.completed_before,
            phases=None if self.phase is None else tuple(self.phase),
            has_ignored_results=self.has_ignored_results,
            provider_id=self.provider_id,
        )


@described_input
class ExternalProviderInput:
    """A verification that the company itself started, at a provider that the gateway does not call."""

    verification_url: str = strawberry.field(
        description="The URL at which the provider verifies the individual: http or https, at most 2,000 characters."
    )
    id: str | None = strawberry.field(
        default=None,
        description="The provider's own id for the verification, at most 255 characters. No other verification of the workspace may have it.",
    )

    def to_domain(self) -> ExternalProvider:
        """The same values as a domain object. `ExternalProvider.checked` validates them later."""
        return ExternalProvider(self.verification_url, self.id)


@described_input
class RequirementsInput:
    """What the provider must insist on, and what it must choose for the individual beforehand. The sandbox ignores requirements."""

    min_age: int | None = strawberry.field(default=None, description="The lowest age in years that the document must show, 1 to 150.")
    max_age: int | None = strawberry.field(default=None, description="The highest age in years that the document may show, 1 to 150.")
    prohibited_countries: list[str] | None = strawberry.field(
        default=None, description="The countries whose documents are not accepted, as ISO 3166-1 codes of two letters such as FR."
    )
    document_type: DocumentType | None = strawberry.field(default=None, description="The kind of document that is preselected for the individual.")
    document_country: str | None = strawberry.field(
        default=None, description="The issuing country that is preselected for the individual, as an ISO 3166-1 code of two letters."
    )
    residence_country: str | None = strawberry.field(
        default=None, description="The country of residence that is preselected for the individual, as an ISO 3166-1 code of two letters."
    )
    locale: str | None = strawberry.field(default=None, description="The language of the provider's pages, as an ISO 639-1 code such as fr.")

    def to_domain(self) -> Requirements | None:
        """The requirements, if all values are valid; None if no value is given. Raises: InvalidInput."""
        required = Requirements.required(
            self.min_age,
            self.max_age,
            self.prohibited_countries,
            self.document_type,
            self.document_country,
            self.residence_country,
            self.locale,
        )
        return required if required != Requirements() else None

    def content(self) -> dict[str, object] | None:
        """The given values, as a part of the input's fingerprint (`Idempotency`). None if no value is given.

        Values that are not given are left out, so that a new field in a later release does not change the fingerprint of a repeated request.
        """
        values = {
            "minAge": self.min_age,
            "maxAge": self.max_age,
            "prohibitedCountries": self.prohibited_countries or None,
            "documentType": self.document_type and self.document_type.value,
            "documentCountry": self.document_country,
            "residenceCountry": self.residence_country,
            "locale": self.locale,
        }
        return {name: value for name, value in values.items() if value is not None} or None


@described_input
class CreateVerificationInput:
    """A verification to create."""

    first_name: str = strawberry.field(
        description="The given name, as in the identity document: 1 to 255 characters of any script. Spaces at its ends are removed."
    )
    last_name: str = strawberry.field(
        description="The family name, as in the identity document: 1 to 255 characters of any script. Spaces at its ends are removed."
    )
    redirection_url: str = strawberry.field(
        description="The URL to which the individual is redirected after the verification: http or https, without a user, at most 2,000 characters."
    )
    reference: str | None = strawberry.field(
        default=None, description="The company's own identifier for the verification, at most 255 characters. Lists can be filtered by it."
    )
    face_recognition: bool = strawberry.field(default=False, description="Whether to compare the individual's face with the document.")
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="A key that makes it safe to repeat the creation, at most 255 characters. "
        "The same key with the same input returns the verification that was created first, in its current state.",
    )
    requirements: RequirementsInput | None = strawberry.field(
        default=None,
        description="What the provider must insist on, and what it must preselect. Refused if the provider of the workspace is `external`.",
    )
    external: ExternalProviderInput | None = strawberry.field(
        default=None,
        description="The verification that the company itself started at its provider. "
        "Required if the provider of the workspace is `external`, refused otherwise.",
    )

    def to_domain(self, fingerprint: Callable[[str], str]) -> Request:
        """The request to create the verification, if all values are valid. Raises: InvalidInput."""
        declared = DeclaredIdentity.declared(self.first_name, self.last_name)
        redirection_url = web_address("redirectionUrl", self.redirection_url)
        reference = optional(identifier, "reference", self.reference)
        key = optional(identifier, "idempotencyKey", self.idempotency_key)
        external = self.external.to_domain().checked() if self.external else None
        idempotency = Idempotency(key, fingerprint(self._content())) if key else None
        requirements = self.requirements.to_domain() if self.requirements else None
        return Request(declared, redirection_url, reference, self.face_recognition, idempotency, external, requirements)

    def _content(self) -> str:
        """The values that a repeated request must repeat: all but the idempotency key.

        If a client repeats a request after an upgrade of the gateway, the fingerprint must still be the same. So fields that the first release did
        not have are left out if they are null, and the names are not trimmed, as in the first release.
        """
        newer = {
            "external": self.external and [self.external.verification_url, self.external.id],
            "requirements": self.requirements and self.requirements.content(),
        }
        present = {name: value for name, value in newer.items() if value is not None}
        first = [self.first_name, self.last_name, self.redirection_url, self.reference, self.face_recognition]
        return json.dumps([*first, present] if present else first)


@described_input
class RetryVerificationInput:
    """A retry of an inconclusive or failed verification. Omitted names and an omitted redirection URL are copied from that verification."""

    verification_id: strawberry.ID = strawberry.field(description="The id of the attempt to retry.")
    redirection_url: str | None = strawberry.field(default=None, description="The URL to which the individual is redirected after the retry.")
    first_name: str | None = strawberry.field(default=None, description="The given name. Required if the attempt was anonymized.")
    last_name: str | None = strawberry.field(default=None, description="The family name. Required if the attempt was anonymized.")
    external: ExternalProviderInput | None = strawberry.field(
        default=None,
        description="The retry that the company itself started at its provider. "
        "Required if the provider of the workspace is `external`, refused otherwise.",
    )

    def to_domain(self) -> RetryRequest:
        """The values to change in the retry. They are validated only when the retry is created: if it already exists, they are ignored."""
        return RetryRequest(self.first_name, self.last_name, self.redirection_url, self.external.to_domain() if self.external else None)


@described_input
class CloseVerificationInput:
    """A verification to close, and the reason for closing it."""

    verification_id: strawberry.ID = strawberry.field(description="The id of the verification.")
    note: str | None = strawberry.field(
        default=None,
        description="Why the verification is closed, for support staff: at most 255 characters, not counting leading and trailing spaces. Line "
        "breaks and tabs become spaces, and a blank text is no note. The text is stored encrypted, is shown as the event's `note` with "
        "`verification:sensitive`, and is removed when the verification is anonymized.",
    )

    def to_domain(self) -> ClosingNote | None:
        """The note, on one line and without spaces around it; None if there is none. Raises: InvalidInput."""
        note = one_line("note", self.note or "")
        return ClosingNote(note) if note else None


@described_input
class ReportProgressInput:
    """A step of the individual, as reported by the provider."""

    verification_id: strawberry.ID = strawberry.field(description="The id of the verification.")
    progress: Progress = strawberry.field(description="The step. Earlier steps that were not reported are recorded together with it.")
    event_id: str | None = strawberry.field(
        default=None,
        description="The provider's id of this event, at most 255 characters. An event that was already recorded changes nothing.",
    )

    def source_id(self) -> str | None:
        """The provider's id of the event, if it is valid. Raises: InvalidInput."""
        return optional(identifier, "eventId", self.event_id)


@described_input
class ExtractedDocumentInput:
    """The data that the provider read from the identity document. A value that can't be used is repaired or left out, and the result is recorded all
    the same. The `note` of the event that records the result names each such field.
    """

    full_name: str | None = strawberry.field(default=None, description="The full name of the person, at most 510 characters.")
    born_on: str | None = strawberry.field(default=None, description="The date of birth, as YYYY-MM-DD, not in the future.")
    type: DocumentType | None = strawberry.field(default=None, description="The kind of the document.")
    issuing_country_code: str | None = strawberry.field(
        default=None, description="The issuing country, as a code of ISO 3166-1 or ICAO 9303, such as FR, FRA or D."
    )
    national_identification_number: str | None = strawberry.field(
        default=None, description="The national identification number of the person, at most 510 characters."
    )

    def to_domain(self, now: datetime) -> Extraction:
        """The usable values of the document, and a note that names the fields with other values. `now`: the current time."""
        return Extraction.received(self.full_name, self.born_on, self.type, self.issuing_country_code, self.national_identification_number, now)


@described_input
class ReportResultInput:
    """A result, as reported by the provider."""

    verification_id: strawberry.ID = strawberry.field(description="The id of the verification.")
    status: Status = strawberry.field(description="The final status. PENDING is not accepted.")
    reason_codes: list[str] = strawberry.field(
        default_factory=list,
        description="The reasons: at least one code if the status is FAILED or INCONCLUSIVE, none if it is VERIFIED. "
        "Codes that are not in the catalogue are accepted.",
    )
    extracted_document: ExtractedDocumentInput | None = strawberry.field(default=None, description="The data read from the identity document.")
    event_id: str | None = strawberry.field(
        default=None,
        description="The provider's id of this event, at most 255 characters. An event that was already recorded changes nothing.",
    )

    def to_domain(self, now: datetime) -> Result:
        """The result, with the usable values of the document. `now`: the current time.

        Raises: InvalidInput if the status, a code or the event id is not valid.
        """
        source_id = optional(identifier, "eventId", self.event_id)
        extraction = self.extracted_document.to_domain(now) if self.extracted_document else Extraction()
        return Result.reported(self.status, self.reason_codes, extraction.document, source_id, extraction.note)
