"""What can be changed. What the rules refuse is raised as a DomainError and answered as a Refusal."""

from datetime import timedelta
from typing import Annotated

import strawberry

from domain.caller import FollowToken
from domain.errors import InvalidInput
from domain.verification import Verification
from resolvers.context import Info
from resolvers.inputs import CreateVerificationInput, ReportProgressInput, ReportResultInput, RetryVerificationInput

SHORTEST_FOLLOW_SECONDS = 60
LONGEST_FOLLOW_SECONDS = 3600


async def create_verification(
    info: Info, input: Annotated[CreateVerificationInput, strawberry.argument(description="What is asked for.")]
) -> Verification:
    """Ask for a verification. It is pending, and its `verificationUrl` is to be shared with the individual.

    Raises: InvalidInput, IdempotencyConflict.
    """
    services = info.context.services
    return await services.changes.create(info.context.caller.workspace, input.to_domain(services.fingerprint))


async def retry_verification(
    info: Info, input: Annotated[RetryVerificationInput, strawberry.argument(description="Which attempt, and what changes.")]
) -> Verification:
    """Ask for another attempt. Where one was asked for already, that one is returned, and what the input changes is ignored.

    Raises: NotFound, NotRetryable, InvalidInput.
    """
    context = info.context
    return await context.services.changes.retry(context.caller.workspace, input.verification_id, input.to_domain())


async def report_progress(
    info: Info, input: Annotated[ReportProgressInput, strawberry.argument(description="The step, and whose it is.")]
) -> Verification:
    """Report a step of the individual. What is repeated, late or earlier than what is known changes nothing.

    Raises: NotFound, InvalidInput.
    """
    context = info.context
    return await context.services.changes.report_progress(context.caller.workspace, input.verification_id, input.progress, input.source_id())


async def report_result(
    info: Info, input: Annotated[ReportResultInput, strawberry.argument(description="The outcome, and whose it is.")]
) -> Verification:
    """Report the outcome. The same one again changes nothing; a different one after the final one is kept as an event, for support to see.

    Raises: NotFound, InvalidInput.
    """
    context = info.context
    return await context.services.changes.report_result(context.caller.workspace, input.verification_id, input.to_domain())


async def anonymize_verification(
    info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="A verification whose status is final.")]
) -> Verification:
    """Remove the personal data of a verification for good. Statuses, reasons and events stay.

    Raises: NotFound, NotFinal.
    """
    context = info.context
    return await context.services.changes.anonymize(context.caller.workspace, id)


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
    followed = await context.required(verification_id)
    return context.services.follow_token(context.caller, followed.chain, timedelta(seconds=ttl_seconds))
