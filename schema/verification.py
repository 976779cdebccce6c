"""A verification, as clients see it."""

from datetime import datetime

import strawberry

import domain.event
import domain.identity
import domain.verification
from domain.event import Actor, EventType
from domain.identity import DocumentType
from domain.status import Phase, RecommendedAction, Status
from resolvers import attempts, visible
from schema.fields import SENSITIVE, attribute, described, field, represents
from schema.reasons import ReasonCode


@strawberry.interface(description="Anything that has an id.")
class Node:
    """What `node` can give."""

    id: strawberry.ID = attribute("The id, unique over all types.")


@described
class DeclaredIdentity:
    """The names that the integrator gave."""

    is_type_of = represents(domain.identity.DeclaredIdentity)

    first_name: str = attribute("The given name.")
    last_name: str = attribute("The family name.")


@described
class ExtractedDocument:
    """What the provider read from the document. What it could not read is null."""

    is_type_of = represents(domain.identity.ExtractedDocument)

    full_name: str | None = attribute("The full name.")
    born_on: str | None = attribute("The day of birth, as YYYY-MM-DD.")
    type: DocumentType | None = attribute("The kind of document.")
    issuing_country_code: str | None = attribute("The issuing country, ISO 3166-1.")
    national_identification_number: str | None = attribute("The number that the country gave the person.")


@described
class VerificationEvent:
    """One entry of a verification's history."""

    is_type_of = represents(domain.event.Event)

    version: int = attribute("Its number: 1, 2, 3… without gaps. The last one is the verification's version.")
    type: EventType = attribute("What happened.")
    actor: Actor = attribute("Who caused it.")
    at: datetime = attribute("When it was recorded.")
    from_status = field(visible.from_status, Status | None)
    to_status = field(visible.to_status, Status | None)
    reasons = field(visible.event_reasons, list[ReasonCode])
    note = field(visible.note, str | None)


@described
class Verification(Node):
    """One attempt at verifying a person's identity by video. Final statuses stay; a retry is another verification, in the same chain."""

    is_type_of = represents(domain.verification.Verification)

    workspace: strawberry.ID = attribute("The workspace that it belongs to.", name="workspaceId")
    reference = field(visible.reference, str | None)
    status: Status = attribute("Where it stands. Only PENDING can change.")
    phase: Phase = attribute("How far it has come, finer than the status: what a waiting person can be told.")
    reasons = field(visible.reasons, list[ReasonCode])
    recommended_action: RecommendedAction = attribute("What to do next.")
    billable: bool | None = attribute("Whether the provider charges for it; null while pending.")
    can_retry: bool = attribute("Whether `retryVerification` can follow, and none has yet.")
    verification_url: str | None = attribute("Where the individual goes to be verified; null once the status is final.")
    redirection_url: str = attribute("Where the individual is sent afterwards.")
    face_recognition: bool = attribute("Whether the individual's face is compared with the document.")
    created_at: datetime = attribute("When it was created.")
    updated_at: datetime = attribute("When its last event happened.")
    expires_at: datetime = attribute("When it becomes inconclusive unless the capture is complete by then.")
    opened_at: datetime | None = attribute("When the link was opened for the first time.")
    link_expires_at: datetime | None = attribute("Until when the capture must have begun; null unless the phase is IN_SESSION.")
    completed_at: datetime | None = attribute("When the status became final.")
    anonymized_at: datetime | None = attribute("When the personal data were removed for good.")
    declared: DeclaredIdentity | None = attribute(
        "The names that the integrator gave; null once anonymized.", needs=SENSITIVE, name="declaredIdentity"
    )
    extracted: ExtractedDocument | None = attribute(
        "What the provider read from the document; null where nothing was, and once anonymized.", needs=SENSITIVE, name="extractedDocument"
    )
    attempt: int = attribute("Which attempt of its chain this is, from 1.")
    previous_attempt: "Verification | None" = field(attempts.previous_attempt)
    next_attempt: "Verification | None" = field(attempts.next_attempt)
    attempts: list["Verification"] = field(attempts.attempts)
    version: int = attribute("How many events there were. Drop what arrives with an older one.")
    events = field(visible.events, list[VerificationEvent])
