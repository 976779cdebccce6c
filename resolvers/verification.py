"""The resolvers of fields of verifications, events and callers whose values differ from the attribute of the same name in the domain object."""

from typing import Annotated

import strawberry

from domain.caller import Caller
from domain.errors import BadUserInput
from domain.event import Actor, Event, EventType
from domain.identity import DeclaredIdentity, ExtractedDocument
from domain.reasons import ReasonCode, RetryAdvice, advice, all_explained, by_individual, disclosed, disclosed_advice
from domain.request import ProviderReference
from domain.status import Status
from domain.verification import Verification
from resolvers.context import Info
from resolvers.reading import reading

VerificationParent = strawberry.Parent[Verification]
EventParent = strawberry.Parent[Event]
# The statuses for which there is an advice on a retry.
RETRYABLE = (Status.INCONCLUSIVE, Status.FAILED)


def reasons(root: VerificationParent) -> tuple[ReasonCode, ...]:
    """Why the verification failed or could not be completed, in the provider's order; empty otherwise."""
    codes = root.reasons
    # Most verifications have no reasons. Their status is not needed, and decoding it would take a quarter of this function's time.
    return all_explained(codes, root.status is Status.FAILED) if codes else ()


def disclosed_reasons(root: Verification) -> tuple[ReasonCode, ...]:
    """The reasons without the internal ones, for callers who may not see these. After a failure, every reason has the advice OFFER_ALTERNATIVE."""
    return disclosed(root.reasons, root.status is Status.FAILED)


def retry_advice(root: VerificationParent) -> RetryAdvice | None:
    """Whether a retry can help, and what the individual should change for it: one advice over all reasons, the strictest. Null while the
    verification is pending, and once it is verified.
    """
    return advice(root.reasons, root.status is Status.FAILED) if root.status in RETRYABLE else None


def disclosed_retry_advice(root: Verification) -> RetryAdvice | None:
    """The advice on a retry, for callers who may not see internal reasons. None while the verification is pending, and once it is verified.

    After a failure, it is OFFER_ALTERNATIVE. Otherwise it is the strictest advice of the reasons that are not internal.
    """
    return disclosed_advice(root.reasons, root.status is Status.FAILED) if root.status in RETRYABLE else None


def event_reasons(root: EventParent) -> tuple[ReasonCode, ...]:
    """The reasons that were reported with the event."""
    return all_explained(root.reasons, root.to_status is Status.FAILED)


def disclosed_event_reasons(root: Event) -> tuple[ReasonCode, ...]:
    """The reasons of an event without the internal ones, for callers who may not see these. If the event reports a failure, every reason has the
    advice OFFER_ALTERNATIVE.
    """
    return disclosed(root.reasons, root.to_status is Status.FAILED)


def disclosed_actor(root: Event) -> Actor:
    """The actor of an event, for callers who may not see internal reasons.

    A result has the actor INDIVIDUAL if all its codes stand for buttons on the capture page, and PROVIDER if it has other codes too. If those other
    codes are internal, PROVIDER would reveal that they exist, so the visible codes alone decide here.
    """
    if root.actor is not Actor.PROVIDER or not root.reasons:
        return root.actor
    visible = tuple(reason.code for reason in disclosed_event_reasons(root))
    return Actor.INDIVIDUAL if by_individual(visible) else Actor.PROVIDER


def followed_actor(root: Event) -> Actor:
    """The actor of an event, for callers with a follow token: PROVIDER for every ignored result, for other events the value of `disclosed_actor`.

    The true actor of an ignored result would reveal which kind of codes the result has.
    """
    return Actor.PROVIDER if root.type is EventType.RESULT_IGNORED else disclosed_actor(root)


def followed_billable(root: Verification) -> bool | None:
    """Whether the provider charges for the verification, as the status alone decides. Callers with a follow token receive this value.

    It does not depend on a result that arrived after the integrator had closed the verification, so it does not reveal that result.
    """
    return root.status.billable


def note(root: EventParent) -> str | None:
    """Additional information for support staff: a note of the gateway, or the text that was written when the verification was closed."""
    return root.closing_note.open().text if root.closing_note else root.note


def provider(root: VerificationParent) -> ProviderReference | None:
    """The provider at which the verification was started."""
    # For a stored verification without a provider, the store returns a reference with an empty `name`.
    return root.provider if root.provider.name else None


def verification_url(root: VerificationParent, info: Info) -> str | None:
    """The URL at which the individual is verified. It can lead through the gateway, which then records that the individual opened it. Null until the
    provider has accepted the verification (see the event `PROVIDER_STARTED`), and once the status is final.
    """
    return info.context.services.links.verification_url(root)


def declared_identity(root: VerificationParent) -> DeclaredIdentity | None:
    """The names that the integrator declared; null once the verification is anonymized."""
    return root.declared.open() if root.declared else None


def extracted_document(root: VerificationParent) -> ExtractedDocument | None:
    """The data that the provider read from the identity document; null if the provider reported no data, or once the verification is anonymized."""
    return root.extracted.open() if root.extracted else None


def events(
    root: VerificationParent,
    after: Annotated[int, strawberry.argument(description="Only events with a greater version.")] = 0,
) -> tuple[Event, ...]:
    """The history, oldest event first. Events that this release of the gateway can't represent are left out."""
    if after < 0:
        raise BadUserInput(f"after is {after}; versions begin at 1, and 0 requests all events")
    return root.events_after(after)


def scopes(root: strawberry.Parent[Caller]) -> list[str]:
    """The scopes of the token."""
    return sorted(scope.value for scope in root.scopes)


async def previous_attempt(root: VerificationParent, info: Info) -> Verification | None:
    """The previous attempt of the chain; null for the first attempt."""
    return await attempt_of_chain(root, root.previous, info)


async def next_attempt(root: VerificationParent, info: Info) -> Verification | None:
    """The retry of this attempt; null if there is none."""
    return await attempt_of_chain(root, root.next, info)


async def attempts(root: VerificationParent, info: Info) -> list[Verification]:
    """All attempts of the chain, oldest first."""
    if root.attempt == 1 and root.next is None:
        return [root]
    return await info.context.attempts(root.chain, reading(info))


async def attempt_of_chain(root: Verification, id: str | None, info: Info) -> Verification | None:
    """The attempt with this id, of the same chain as `root`; None if there is no such attempt. Raises: BadDocument if it can't be read."""
    if id is None:
        return None
    for attempt in await info.context.attempts(root.chain, reading(info)):
        if attempt.id == id:
            return attempt
    # The list of attempts leaves out an attempt that can't be read. Reading that attempt by id raises the error, or returns None if it was deleted.
    return await info.context.verifications.get(id, reading(info))
