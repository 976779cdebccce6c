"""The resolver of `webhookDeliveries`: how far the events of verifications were delivered to the integrator's backend."""

from asyncio import gather
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Self

import strawberry

from domain.delivery import DeliveryState, WebhookDelivery
from domain.errors import BadDocument, BadUserInput
from domain.verification import Verification
from resolvers.connection import DEFAULT_SIZE, MAX_ROWS
from resolvers.context import Info
from resolvers.reading import reading


@dataclass(frozen=True, slots=True)
class VerificationDelivery:
    """A verification, and how far its events were delivered."""

    verification: Verification
    state: DeliveryState
    delivered_version: int
    tries: int
    next_try_at: datetime | None
    last_status: int | None
    last_error: str | None

    @classmethod
    def of(cls, verification: Verification, delivery: WebhookDelivery) -> Self:
        """A verification with its delivery."""
        return cls(
            verification,
            delivery.state,
            delivery.delivered_version,
            delivery.tries,
            delivery.next_try_at,
            delivery.last_status,
            delivery.last_error,
        )


async def webhook_deliveries(
    info: Info,
    state: Annotated[
        list[DeliveryState] | None, strawberry.argument(description="Only deliveries in these states. Without it: in any state.")
    ] = None,
    first: Annotated[int | None, strawberry.argument(description=f"The greatest number of deliveries, 1 to {MAX_ROWS}.")] = DEFAULT_SIZE,
    verification_id: Annotated[strawberry.ID | None, strawberry.argument(description="Only the delivery of this verification.")] = None,
) -> list[VerificationDelivery]:
    """The deliveries of verifications to your backend, the last changed first. A verification without an event for the backend has no delivery."""
    size = DEFAULT_SIZE if first is None else first
    if not 1 <= size <= MAX_ROWS:
        raise BadUserInput(f"first is {size}; 1 to {MAX_ROWS} deliveries can be listed")
    context, states = info.context, list(DeliveryState) if state is None else state
    if verification_id is not None:
        # The delivery and the verification are always both read, so that the duration does not reveal whether another workspace has this delivery.
        delivery, row = await gather(
            context.services.outgoing.delivery(verification_id), verification_if_readable(context.verifications.get(verification_id, reading(info)))
        )
        return [VerificationDelivery.of(row, delivery)] if row and delivery and delivery.state in states else []
    found = await context.services.outgoing.newest(context.caller.workspace, states, size)
    rows = await gather(
        *(verification_if_readable(context.verifications.get(each.verification_id, reading(info))) for each in found), return_exceptions=True
    )
    if errors := [row for row in rows if isinstance(row, BaseException)]:
        raise errors[0]
    return [VerificationDelivery.of(row, delivery) for delivery, row in zip(found, rows, strict=True) if isinstance(row, Verification)]


async def verification_if_readable(reading_verification: Awaitable[Verification | None]) -> Verification | None:
    """The verification of a delivery; None if it was removed meanwhile, or can't be read. Such a delivery is left out."""
    try:
        return await reading_verification
    except BadDocument:
        return None
