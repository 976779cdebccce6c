"""The resolvers of mutations. If the rules refuse a mutation, its resolver raises a DomainError. Clients receive the error as a `Refusal`."""

from datetime import timedelta
from typing import Annotated

import strawberry

from domain.act import Act
from domain.caller import FollowToken
from domain.errors import InvalidInput
from domain.verification import Verification
from resolvers.context import Info
from resolvers.inputs import (
    CloseVerificationInput,
    CreateVerificationInput,
    ReportProgressInput,
    ReportResultInput,
    RetryVerificationInput,
)

SHORTEST_FOLLOW_SECONDS = 60
LONGEST_FOLLOW_SECONDS = 3600


async def create_verification(
    info: Info, input: Annotated[CreateVerificationInput, strawberry.argument(description="The verification to create.")]
) -> Verification:
    """Create a verification. Its status is PENDING. Share its `verificationUrl` with the individual. If the provider does not answer within five
    seconds, the verification is returned without a URL. Subscribers then receive the URL with the event `PROVIDER_STARTED`. If the provider refuses
    the verification, the answer is PROVIDER_REFUSED, and the verification is stored as INCONCLUSIVE.

    Raises: InvalidInput, IdempotencyConflict, NoProvider, ProviderRefused.
    """
    services = info.context.services
    return await services.changes.create(info.context.caller.workspace, input.to_domain(services.fingerprint))


async def retry_verification(
    info: Info, input: Annotated[RetryVerificationInput, strawberry.argument(description="The attempt to retry, and the values to change.")]
) -> Verification:
    """Create a retry: a new verification that is the next attempt of the same chain. If the attempt was already retried, the existing retry is
    returned, and the changes in the input are ignored. As with `createVerification`, the URL may follow later, and the provider may refuse the retry.

    Raises: NotFound, NotRetryable, InvalidInput, NoProvider, ProviderRefused.
    """
    context = info.context
    return await context.services.changes.retry(context.caller.workspace, input.verification_id, input.to_domain())


async def report_progress(
    info: Info, input: Annotated[ReportProgressInput, strawberry.argument(description="The step, and the verification to which it belongs.")]
) -> Verification:
    """Report a step of the individual. Nothing changes if this step or a later one was already recorded, or if the status is final.

    Raises: NotFound, InvalidInput.
    """
    context = info.context
    return await context.services.changes.report_progress(context.caller.workspace, input.verification_id, input.progress, input.source_id())


async def report_result(
    info: Info, input: Annotated[ReportResultInput, strawberry.argument(description="The result, and the verification to which it belongs.")]
) -> Verification:
    """Report the result of a verification. The first result decides the status, however late it is: it also replaces an outcome that the gateway
    concluded because a deadline passed. Reporting the same result again changes nothing, except that a document that was missing is added. A
    different result after another one, or after `closeVerification`, does not change the status: it is recorded as the event `RESULT_IGNORED`, for
    support staff.

    Raises: NotFound, InvalidInput.
    """
    context = info.context
    result = input.to_domain(context.services.store.now())
    return await context.services.changes.report_result(context.caller.workspace, input.verification_id, result)


async def close_verification(
    info: Info, input: Annotated[CloseVerificationInput, strawberry.argument(description="The verification to close, and a note.")]
) -> Verification:
    """Close a pending verification that is stuck, was given up, or is to be anonymized. Its status becomes INCONCLUSIVE, without a reason. It can
    then be retried or anonymized. If it was already closed, it is returned unchanged. The provider does not receive the close, and may still charge
    for the verification: a result that it reports later is recorded as the event `RESULT_IGNORED`, and decides `billable`.

    Raises: NotFound, AlreadyFinal, InvalidInput.
    """
    context = info.context
    closed = await context.services.changes.close(context.caller.workspace, input.verification_id, input.to_domain())
    context.services.record(context.caller, Act.CLOSED, [closed.id])
    return closed


async def anonymize_verification(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="The id of a verification whose status is final.")],
    whole_chain: Annotated[
        bool,
        strawberry.argument(
            description="Whether to remove the personal data of all attempts of the chain, earlier and later ones. The newest attempt must be final."
        ),
    ] = False,
) -> Verification:
    """Permanently remove the personal data of a verification. Its status, reasons and events are kept. Its idempotency key can't be used any more. If
    the request is repeated, nothing changes; with `wholeChain`, the attempts that still have personal data are anonymized.

    Raises: NotFound, NotFinal.
    """
    context = info.context
    changes, workspace = context.services.changes, context.caller.workspace
    anonymized = await (changes.anonymize_chain(workspace, id) if whole_chain else changes.anonymize(workspace, id))
    attempts = await context.attempts(anonymized.chain, frozenset({"id"})) if whole_chain else [anonymized]
    context.services.record(context.caller, Act.ANONYMIZED, [attempt.id for attempt in attempts])
    return anonymized


async def resend_webhooks(
    info: Info,
    verification_id: Annotated[strawberry.ID, strawberry.argument(description="The id of the verification.")],
    from_version: Annotated[
        int | None,
        strawberry.argument(description="The first event to send again. If it is omitted: the first one that the backend has not accepted."),
    ] = None,
) -> Verification:
    """Send the events of a verification to your backend again, from one of them on. The webhooks have the same ids as before, so that the backend can
    ignore those that it has. If the backend has accepted all events and `fromVersion` is omitted, nothing is sent. The webhooks wait while the
    workspace has no backend in the providers file.

    Raises: NotFound, InvalidInput.
    """
    context = info.context
    return await context.services.outgoing.resend(context.caller.workspace, verification_id, from_version)


async def issue_follow_token(
    info: Info,
    verification_id: Annotated[strawberry.ID, strawberry.argument(description="The id of any verification of the chain to follow.")],
    ttl_seconds: Annotated[
        int, strawberry.argument(description=f"The lifetime of the token: {SHORTEST_FOLLOW_SECONDS} to {LONGEST_FOLLOW_SECONDS} seconds.")
    ] = 900,
) -> FollowToken:
    """Issue a token with which the browser of the individual can follow one chain of attempts. The token does not give access to internal data.

    Raises: NotFound, InvalidInput.
    """
    if not SHORTEST_FOLLOW_SECONDS <= ttl_seconds <= LONGEST_FOLLOW_SECONDS:
        raise InvalidInput("ttlSeconds", f"must be {SHORTEST_FOLLOW_SECONDS} to {LONGEST_FOLLOW_SECONDS}")
    context = info.context
    followed = await context.required(verification_id)
    context.services.record(context.caller, Act.FOLLOW_TOKEN_ISSUED, [followed.id])
    return context.services.follow_token(context.caller, followed.chain, timedelta(seconds=ttl_seconds))
