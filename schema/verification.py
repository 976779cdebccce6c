"""A verification, as clients see it."""

from datetime import datetime

import strawberry

import domain.event
import domain.identity
import domain.verification
from domain.event import Actor, EventType
from domain.identity import DocumentType
from domain.status import Phase, RecommendedAction, Status
from resolvers import verification as visible
from schema.costs import Cost
from schema.fields import attribute, described, field, represents
from schema.reasons import ReasonCode
from schema.rules import ANYONE, COMPANY, NOT_INTERNAL, OWN_OUTCOME, SENSITIVE


@strawberry.interface(description="Anything that has an id.")
class Node:
    """What `node` can give."""

    id: strawberry.ID = attribute("The id, unique over all types.", ANYONE)


@described
class DeclaredIdentity:
    """The names that the integrator gave."""

    is_type_of = represents(domain.identity.DeclaredIdentity)

    first_name: str = attribute("The given name.", ANYONE)
    last_name: str = attribute("The family name.", ANYONE)


@described
class ExtractedDocument:
    """What the provider read from the document. What it could not read is null."""

    is_type_of = represents(domain.identity.ExtractedDocument)

    full_name: str | None = attribute("The full name.", ANYONE)
    born_on: str | None = attribute("The day of birth, as YYYY-MM-DD.", ANYONE)
    type: DocumentType | None = attribute("The kind of document.", ANYONE)
    issuing_country_code: str | None = attribute("The issuing country, ISO 3166-1.", ANYONE)
    national_identification_number: str | None = attribute("The number that the country gave the person.", ANYONE)


@described
class VerificationEvent:
    """One entry of a verification's history."""

    is_type_of = represents(domain.event.Event)

    version: int = attribute("Its number: 1, 2, 3… One is missing where a newer release recorded an event that this one can't show.", ANYONE)
    type: EventType = attribute("What happened.", ANYONE)
    actor: Actor = attribute("Who caused it.", ANYONE)
    at: datetime = attribute("When it was recorded.", ANYONE)
    from_status: Status | None = attribute("The status before; null where the event is not about the status.", OWN_OUTCOME)
    to_status: Status | None = attribute(
        "The status after, or the one that was reported in vain; null where the event is not about the status.", OWN_OUTCOME
    )
    reasons = field(visible.event_reasons, list[ReasonCode], OWN_OUTCOME, NOT_INTERNAL, cost=Cost(1))
    note: str | None = attribute("What support should know.", COMPANY)


@described
class Verification(Node):
    """One attempt at verifying a person's identity by video. Final statuses stay; a retry is another verification, in the same chain."""

    is_type_of = represents(domain.verification.Verification)

    workspace: strawberry.ID = attribute("The workspace that it belongs to.", ANYONE, name="workspaceId")
    reference: str | None = attribute("The company's own name for it.", COMPANY)
    status: Status = attribute("Where it stands. Only PENDING can change.", ANYONE)
    phase: Phase = attribute("How far it has come, finer than the status: what a waiting person can be told.", ANYONE)
    reasons = field(visible.reasons, list[ReasonCode], NOT_INTERNAL, cost=Cost(1))
    recommended_action: RecommendedAction = attribute("What to do next.", ANYONE)
    billable: bool | None = attribute("Whether the provider charges for it; null while pending.", ANYONE)
    can_retry: bool = attribute("Whether `retryVerification` can follow, and none has yet.", ANYONE)
    verification_url: str | None = attribute("Where the individual goes to be verified; null once the status is final.", ANYONE)
    redirection_url: str = attribute("Where the individual is sent afterwards.", ANYONE)
    face_recognition: bool = attribute("Whether the individual's face is compared with the document.", ANYONE)
    created_at: datetime = attribute("When it was created.", ANYONE)
    updated_at: datetime = attribute("When its last event happened.", ANYONE)
    expires_at: datetime = attribute("When it becomes inconclusive unless the capture is complete by then.", ANYONE)
    opened_at: datetime | None = attribute("When the link was opened for the first time.", ANYONE)
    link_expires_at: datetime | None = attribute("Until when the capture must have begun; null unless the phase is IN_SESSION.", ANYONE)
    completed_at: datetime | None = attribute("When the status became final.", ANYONE)
    anonymized_at: datetime | None = attribute("When the personal data were removed for good.", ANYONE)
    declared_identity = field(visible.declared_identity, DeclaredIdentity | None, SENSITIVE, cost=Cost(1))
    extracted_document = field(visible.extracted_document, ExtractedDocument | None, SENSITIVE, cost=Cost(1))
    attempt: int = attribute("Which attempt of its chain this is, from 1.", ANYONE)
    previous_attempt: "Verification | None" = field(visible.previous_attempt, None, ANYONE, cost=Cost(1))
    next_attempt: "Verification | None" = field(visible.next_attempt, None, ANYONE, cost=Cost(1))
    attempts: list["Verification"] = field(visible.attempts, None, ANYONE, cost=Cost(1, rows=6))
    version: int = attribute("How many events there were. Drop what arrives with an older one.", ANYONE)
    events = field(visible.events, list[VerificationEvent], ANYONE, cost=Cost(3))
