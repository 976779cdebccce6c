"""What a provider reports: the state of a verification when it is read, and the webhooks that it sends."""

from dataclasses import dataclass
from typing import NamedTuple

from domain.status import Status


class RawDocument(NamedTuple):
    """The data of an identity document as the provider sends them, unchecked. A value that is not a text is None."""

    full_name: str | None
    born_on: str | None
    type: str | None
    issuing_country_code: str | None
    national_identification_number: str | None


@dataclass(frozen=True, slots=True)
class Report:
    """The state of a verification at the provider. `codes`: the provider's reason codes, unchecked. `document`: None if the provider has no data of
    an identity document, or has anonymized them.
    """

    status: Status
    codes: tuple[str, ...]
    document: RawDocument | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook whose signature is valid.

    `event_id`: the provider's id of the event, which is the same in every repetition. `provider_id`: the provider's id of the verification.
    `report`: the outcome that the webhook announces; None if it announces none, such as an event of another kind, or the status `pending`.
    `sandbox`: whether the provider's own sandbox sent it.
    """

    event_id: str
    event_name: str
    provider_id: str | None
    report: Report | None
    sandbox: bool


class ProviderError(Exception):
    """A request to a provider failed. The message contains no secret and no personal data, and may be logged."""


class ProviderAway(ProviderError):
    """The provider did not answer, or could not serve the request. A repetition may succeed.

    `retry_after_seconds`: how long the provider demands to wait; None if it demands nothing.
    `maybe_executed`: the request was sent and not answered, so the provider may have executed it.
    """

    def __init__(self, what: str, retry_after_seconds: float | None = None, *, maybe_executed: bool = False) -> None:
        super().__init__(what)
        self.retry_after_seconds = retry_after_seconds
        self.maybe_executed = maybe_executed


class AccessDenied(ProviderError):
    """A request can't succeed until an operator has corrected the configuration, such as an API key that the provider does not accept."""


class GoneAtProvider(ProviderError):
    """The provider has no verification with this id."""


class BadSignature(ProviderError):
    """A webhook has no signature that was made with one of the configured secrets."""
