"""What can be changed. What the rules refuse is raised as a DomainError and answered as a Refusal."""

from datetime import timedelta
from typing import Annotated

import strawberry
from uuid_utils import uuid7

from domain.caller import FollowToken
from domain.errors import IdempotencyConflict, InvalidInput
from domain.event import Actor
from domain.verification import Idempotency, Verification
from resolvers.context import Context, Info
from resolvers.current import current, required
from resolvers.inputs import CreateVerificationInput, ReportProgressInput, ReportResultInput, RetryVerificationInput

SHORTEST_FOLLOW_SECONDS = 60
LONGEST_FOLLOW_SECONDS = 3600


async def create_verification(
    info: Info, input: Annotated[CreateVerificationInput, strawberry.argument(description="What is asked for.")]
) -> Verification:
    """Ask for a verification. It is pending, and its `verificationUrl` is to be shared with the individual.

    Raises: InvalidInput, IdempotencyConflict.
    """
    context, services = info.context, info.context.services
    request = input.to_domain(services.fingerprint)
    if request.idempotency and (standing := await context.verifications.with_key(request.idempotency.key)):
        return await replayed(context, standing, request.idempotency)
    id = new_id()
    provider = services.provider.start(context.caller.workspace, id)
    asked = Verification.created(id, context.caller.workspace, request, provider, services.windows, services.store.now())
    stored = await context.verifications.add(asked)
    return stored if stored is asked or not request.idempotency else await replayed(context, stored, request.idempotency)


async def retry_verification(
    info: Info, input: Annotated[RetryVerificationInput, strawberry.argument(description="Which attempt, and what changes.")]
) -> Verification:
    """Ask for another attempt. Where one was asked for already, that one is returned, and what the input changes is ignored.

    Raises: NotFound, NotRetryable, InvalidInput.
    """
    context, services = info.context, info.context.services
    standing = await required(context, input.verification_id)
    if standing.next:
        return await required(context, standing.next)
    wanted, id = input.to_domain(), new_id()
    provider = services.provider.start(context.caller.workspace, id)
    return await context.verifications.retry(standing.id, lambda old, at: old.retried(id, wanted, provider, services.windows, at))


async def report_progress(
    info: Info, input: Annotated[ReportProgressInput, strawberry.argument(description="The step, and whose it is.")]
) -> Verification:
    """Report a step of the individual. What is repeated, late or earlier than what is known changes nothing.

    Raises: NotFound, InvalidInput.
    """
    source_id, windows = input.source_id(), info.context.services.windows
    return await info.context.verifications.change(
        input.verification_id, lambda verification, at: verification.progressed(input.progress, windows, at, source_id)
    )


async def report_result(
    info: Info, input: Annotated[ReportResultInput, strawberry.argument(description="The outcome, and whose it is.")]
) -> Verification:
    """Report the outcome. The same one again changes nothing; a different one after the final one is kept as an event, for support to see.

    Raises: NotFound, InvalidInput.
    """
    context, result = info.context, input.to_domain()
    stored = await context.verifications.change(input.verification_id, lambda verification, at: verification.concluded(result, at))
    if not stored.stands_at(result):
        context.services.count_ignored_result()
    return stored


async def anonymize_verification(
    info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="A verification whose status is final.")]
) -> Verification:
    """Remove the personal data of a verification for good. Statuses, reasons and events stay.

    Raises: NotFound, NotFinal.
    """
    standing = await required(info.context, id, field="id")
    return await info.context.verifications.change(standing.id, lambda verification, at: verification.anonymized(Actor.INTEGRATOR, at))


async def issue_follow_token(
    info: Info,
    verification_id: Annotated[strawberry.ID, strawberry.argument(description="A verification of the chain to follow.")],
    ttl_seconds: Annotated[
        int, strawberry.argument(description=f"How long it is valid, {SHORTEST_FOLLOW_SECONDS} to {LONGEST_FOLLOW_SECONDS} seconds.")
    ] = 900,
) -> FollowToken:
    """Issue a token with which the individual's own browser can follow this one chain of attempts, and learns nothing internal of it.

    Raises: NotFound, InvalidInput.
    """
    if not SHORTEST_FOLLOW_SECONDS <= ttl_seconds <= LONGEST_FOLLOW_SECONDS:
        raise InvalidInput("ttlSeconds", f"must be {SHORTEST_FOLLOW_SECONDS} to {LONGEST_FOLLOW_SECONDS}")
    context = info.context
    followed = await required(context, verification_id)
    return context.services.follow_token(context.caller, followed.chain, timedelta(seconds=ttl_seconds))


def new_id() -> str:
    """An id for a verification; later ones sort later. Source: RFC 9562, UUID version 7."""
    return f"ver_{uuid7().hex}"


async def replayed(context: Context, standing: Verification, asked: Idempotency) -> Verification:
    """The verification that the key created, as it is now. Raises: IdempotencyConflict where it was created from another input."""
    told = standing.idempotency and standing.idempotency.fingerprint
    if told is not None and told != asked.fingerprint:
        raise IdempotencyConflict
    return await current(context, standing.id) or standing
