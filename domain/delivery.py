"""The delivery of a verification's events to the integrator's backend, and the webhook that is sent for an event."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from domain.described import Described
from domain.event import Event
from domain.instant import instant_text
from domain.snapshot import state_after
from domain.verification import Verification

# How many minutes after the first try an event is sent again, as long as the backend has not accepted it. If the last of these tries fails, the event
# is given up. Yousign repeats its own webhooks after the same times.
RETRY_MINUTES = (2, 6, 30, 60, 300, 1080, 1440, 2880)


class DeliveryState(Described):
    """How far the events of a verification were delivered to the integrator's backend."""

    WAITING = "waiting", "An event is about to be sent, or is sent again because the backend did not accept it."
    DELIVERED = "delivered", "The backend accepted all events."
    FAILED = "failed", "The backend did not accept an event, and the gateway gave it up. Later events were delivered or given up too."


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """How far the events of one verification were delivered.

    `version`: the newest event to deliver. `settled`: up to this version, events were delivered or given up. `delivered_version`: the newest event
    that the backend accepted, 0 if none. `failed_versions`: the events that were given up. `tries`: how often the event after `settled` was sent.
    `next_try_at`: when that event is sent next; None if all events were delivered or given up. `last_status`: the HTTP status of the last response.
    `last_error`: why the last try failed. `changed_at`: when the delivery last changed.
    """

    verification_id: str
    workspace: str
    state: DeliveryState
    version: int
    settled: int
    delivered_version: int
    failed_versions: tuple[int, ...] = ()
    tries: int = 0
    next_try_at: datetime | None = None
    last_status: int | None = None
    last_error: str | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OutgoingWebhook:
    """A webhook that is sent to the integrator's backend. `id` is the same in every try."""

    id: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Receipt:
    """How a try ended. `status`: the HTTP status of the response; None if there was none. `error`: why the try failed; None if it did not fail.

    `error` never contains an address or a secret.
    """

    status: int | None
    error: str | None = None

    @property
    def accepted(self) -> bool:
        """Whether the backend accepted the webhook."""
        return self.status is not None and self.error is None


def outgoing_webhook(verification: Verification, event: Event) -> OutgoingWebhook:
    """The webhook for an event of a verification. It shows the verification as it was after the event, and contains no personal data."""
    state = state_after(verification, event.version)
    data = {
        "id": verification.id,
        "workspace": verification.workspace,
        "chain": verification.chain,
        "attempt": verification.attempt,
        "version": event.version,
        "status": state.status.name,
        "phase": state.phase.name,
        "reasonCodes": list(state.reasons),
        "reference": verification.reference if isinstance(verification.reference, str) else None,
    }
    body = {"type": f"verification.{event.type.value}", "timestamp": instant_text(event.at), "data": data}
    return OutgoingWebhook(f"{verification.id}.{event.version}", body)


def pause_after(tries: int) -> timedelta | None:
    """How long to wait after a failed try before the event is sent again; None if the event is given up. `tries`: how often the event was sent."""
    if tries > len(RETRY_MINUTES):
        return None
    return timedelta(minutes=RETRY_MINUTES[tries - 1] - (RETRY_MINUTES[tries - 2] if tries > 1 else 0))
