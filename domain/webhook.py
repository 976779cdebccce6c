"""A webhook of a provider, as the inbox stores it."""

from dataclasses import dataclass
from datetime import datetime

from domain.described import Described
from domain.status import Status


class WebhookState(Described):
    """What became of a webhook."""

    WAITING = "waiting", "It is about to be applied, or to be tried again."
    APPLIED = "applied", "The verification has its result."
    IGNORED = "ignored", "It announces no outcome."
    UNMATCHED = "unmatched", "No verification has the provider's id in it."
    FAILED = "failed", "It could not be applied, and is not tried again."


@dataclass(frozen=True, slots=True)
class ReceivedWebhook:
    """A webhook whose signature was valid, without the values that the gateway does not need.

    `id`: the workspace and the provider's id of the event. `provider_id`: the provider's id of the verification. `status`, `codes`: the outcome that
    it announces; None and empty if it announces none. `sandbox`: whether the provider's own sandbox sent it.
    `tries`, `document_tries`: how often a process worked on it, and how often its document was read without success. `next`: when a process may work
    on it; None if nothing is left to do. `verification_id`: the verification to which it was applied. `note`: why the webhook or its document was
    not applied.
    """

    id: str
    workspace: str
    event_id: str
    event_name: str
    provider: str
    provider_id: str | None
    status: Status | None
    codes: tuple[str, ...]
    sandbox: bool
    received_at: datetime
    state: WebhookState = WebhookState.WAITING
    tries: int = 1
    document_tries: int = 0
    next: datetime | None = None
    verification_id: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class UnmatchedWebhook:
    """A webhook that matches no verification."""

    id: str
    received_at: datetime
    provider: str
    provider_id: str
    status: Status | None
