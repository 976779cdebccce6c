"""The GraphQL types of a verification, its identity data and its history."""

from datetime import datetime

import strawberry

import domain.event
import domain.identity
import domain.request
import domain.verification
from domain.event import Actor, EventType
from domain.identity import DocumentType
from domain.reasons import RetryAdvice
from domain.status import Phase, RecommendedAction, Status
from resolvers import verification as visible
from schema.costs import Cost
from schema.fields import attribute, described_type, field, represents
from schema.reasons import ReasonCode
from schema.rules import ANYONE, CLOSING, COMPANY, OWN_OUTCOME, SENSITIVE, disclosing, disclosing_to_individual

# What callers without `verification:sensitive` receive must be equal, whether or not a verification has internal reasons.
LEFT_OUT = "Without `verification:sensitive`, internal reasons are left out, and the advice of every reason of a failure is OFFER_ALTERNATIVE."
DISCLOSED_REASONS = disclosing(visible.disclosed_reasons, LEFT_OUT)
DISCLOSED_EVENT_REASONS = disclosing(visible.disclosed_event_reasons, LEFT_OUT)
DISCLOSED_RETRY_ADVICE = disclosing(
    visible.disclosed_retry_advice,
    "Without `verification:sensitive`: OFFER_ALTERNATIVE if the verification failed, otherwise the advice of the reasons that are not internal.",
)
DISCLOSED_ACTOR = disclosing(
    visible.disclosed_actor, "Without `verification:sensitive`, the actor of a result is decided by the reasons that are not internal."
)
# Callers with a follow token must receive the same values, no matter which result was ignored.
FOLLOWED_ACTOR = disclosing_to_individual(visible.followed_actor, "Always PROVIDER with a follow token if the event is `RESULT_IGNORED`.")
FOLLOWED_BILLABLE = disclosing_to_individual(
    visible.followed_billable, "With a follow token, the status alone decides, as if no result had followed the close."
)


@strawberry.interface(description="An object with an id.")
class Node:
    """The interface of all types that the query `node` can return."""

    id: strawberry.ID = attribute("The id, unique across all types.", ANYONE)


@described_type
class DeclaredIdentity:
    """The names that the integrator declared."""

    is_type_of = represents(domain.identity.DeclaredIdentity)

    first_name: str = attribute("The given name.", ANYONE)
    last_name: str = attribute("The family name.", ANYONE)


@described_type
class ExtractedDocument:
    """The data that the provider read from the identity document. Values that the provider could not read are null."""

    is_type_of = represents(domain.identity.ExtractedDocument)

    full_name: str | None = attribute("The full name of the person.", ANYONE)
    born_on: str | None = attribute("The date of birth, as YYYY-MM-DD.", ANYONE)
    type: DocumentType | None = attribute("The kind of the document.", ANYONE)
    issuing_country_code: str | None = attribute("The issuing country, as a code of ISO 3166-1 or ICAO 9303, such as FR, FRA or D.", ANYONE)
    national_identification_number: str | None = attribute("The national identification number of the person.", ANYONE)


@described_type
class ProviderReference:
    """The provider of a verification, and its own id for it, with which support staff find the verification at the provider."""

    is_type_of = represents(domain.request.ProviderReference)

    name: str = attribute("The name of the provider, such as `sandbox` or `external`.", ANYONE)
    id: str | None = attribute("The provider's own id for the verification; null if it was not given.", ANYONE)


@described_type
class VerificationEvent:
    """One entry of a verification's history."""

    is_type_of = represents(domain.event.Event)

    version: int = attribute(
        "The number of the event: 1, 2, 3… If this release can't represent an event that a newer release recorded, its number is missing.", ANYONE
    )
    type: EventType = attribute("The kind of the event.", ANYONE)
    actor: Actor = attribute("The party that caused the event.", FOLLOWED_ACTOR, DISCLOSED_ACTOR)
    at: datetime = attribute("When the event was recorded.", ANYONE)
    from_status: Status | None = attribute("The status before the event; null if the event is not about the status.", OWN_OUTCOME)
    to_status: Status | None = attribute(
        "The status after the event, or the status of an ignored result; null if the event is not about the status.", OWN_OUTCOME
    )
    reasons = field(visible.event_reasons, list[ReasonCode], OWN_OUTCOME, DISCLOSED_EVENT_REASONS, cost=Cost(1))
    note = field(visible.note, str | None, COMPANY, CLOSING)


@described_type
class Verification(Node):
    """One attempt at verifying a person's identity by video. A retry is a new verification in the same chain."""

    is_type_of = represents(domain.verification.Verification)

    workspace: strawberry.ID = attribute("The workspace to which the verification belongs.", ANYONE, name="workspaceId")
    reference: str | None = attribute("The company's own identifier for the verification.", COMPANY)
    status: Status = attribute(
        "The status. PENDING can change; the other statuses are final, with one exception: if the gateway concluded INCONCLUSIVE because a deadline "
        "passed (the actor of the event STATUS_CHANGED is SYSTEM), the provider's verdict replaces that outcome.",
        ANYONE,
    )
    phase: Phase = attribute(
        "How far the verification has come, in more detail than the status. Use the phase to show progress to a waiting person.", ANYONE
    )
    reasons = field(visible.reasons, list[ReasonCode], DISCLOSED_REASONS, cost=Cost(1))
    recommended_action: RecommendedAction = attribute("What the integrator should do next.", ANYONE)
    billable: bool | None = attribute(
        "Whether the provider charges for the verification; null while it is pending. "
        "If the provider reported a result after the verification was closed, that result decides.",
        FOLLOWED_BILLABLE,
    )
    can_retry: bool = attribute("Whether the verification can be retried with `retryVerification` and has not been retried yet.", ANYONE)
    retry_advice = field(visible.retry_advice, RetryAdvice | None, DISCLOSED_RETRY_ADVICE)
    verification_url: str | None = field(visible.verification_url, None, ANYONE)
    redirection_url: str = attribute("The URL to which the individual is redirected after the verification.", ANYONE)
    face_recognition: bool = attribute("Whether the individual's face is compared with the document.", ANYONE)
    created_at: datetime = attribute("When the verification was created.", ANYONE)
    updated_at: datetime = attribute("When the last event was recorded.", ANYONE)
    expires_at: datetime = attribute("The deadline for the recording: if it is not complete by then, the verification becomes inconclusive.", ANYONE)
    opened_at: datetime | None = attribute("When the individual opened the link for the first time; null before that.", ANYONE)
    link_expires_at: datetime | None = attribute(
        "The deadline to begin the recording: if it has not begun by then, the verification becomes inconclusive. "
        "Null unless the phase is IN_SESSION.",
        ANYONE,
    )
    completed_at: datetime | None = attribute(
        "When the verification got its present outcome; null while it is pending. "
        "A verdict that replaces an outcome of the gateway moves this instant.",
        ANYONE,
    )
    anonymized_at: datetime | None = attribute("When the personal data were permanently removed; null before that.", ANYONE)
    provider = field(visible.provider, ProviderReference | None, COMPANY)
    declared_identity = field(visible.declared_identity, DeclaredIdentity | None, SENSITIVE, cost=Cost(1))
    extracted_document = field(visible.extracted_document, ExtractedDocument | None, SENSITIVE, cost=Cost(1))
    attempt: int = attribute("The number of this attempt in its chain, starting with 1.", ANYONE)
    previous_attempt: "Verification | None" = field(visible.previous_attempt, None, ANYONE, cost=Cost(1))
    next_attempt: "Verification | None" = field(visible.next_attempt, None, ANYONE, cost=Cost(1))
    attempts: list["Verification"] = field(visible.attempts, None, ANYONE, cost=Cost(1, rows=6))
    version: int = attribute("The number of events so far. Ignore a state that arrives with a lower version than one you already have.", ANYONE)
    events = field(visible.events, list[VerificationEvent], ANYONE, cost=Cost(3))
