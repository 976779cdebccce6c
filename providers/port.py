"""The ports for providers: the interfaces that the adapters in this package implement."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from domain.query_budget import QueryBudget
from domain.request import ProviderReference, Request
from providers.reports import Report, Webhook


@dataclass(frozen=True, slots=True)
class Start:
    """A verification that is to be started at a provider.

    `redirection_url`: where the provider sends the individual at the end. `previous`: the reference of the previous attempt; None if there is none.
    """

    workspace: str
    verification_id: str
    request: Request
    redirection_url: str
    previous: ProviderReference | None = None


class ProviderPort(Protocol):
    """A company that verifies identities by video, as the provider of one or more workspaces.

    `name` is stored with each verification that is started there. `immediate`: True if `start` sends no request over the network, so that it
    takes no time, and never raises ProviderError. `queryable`: whether the gateway can read the state of a verification there (`QueryablePort`).
    """

    name: str
    immediate: bool
    queryable: bool

    def check(self, request: Request) -> None:
        """Check that the provider can start a verification with this request. The gateway calls this before it stores anything.

        Raises: InvalidInput if the provider needs a value that the request lacks, or can't use a value that the request has.
        """
        ...

    async def start(self, start: Start) -> ProviderReference:
        """Start a verification at the provider. Returns the provider's own id for the verification, and the link for the individual.

        Raises: InvalidInput for the same reasons as `check`. A provider that is reached over the network (`immediate` is False) also raises
                ProviderRefused, ProviderAway and AccessDenied.
        """
        ...


@runtime_checkable
class QueryablePort(ProviderPort, Protocol):
    """A provider whose verifications can be read. `budget`: how often the gateway may read them without a webhook that announces a result."""

    @property
    def budget(self) -> QueryBudget:
        """The budget that the workspace's section of the providers file sets."""
        ...

    async def read(self, provider_id: str) -> Report:
        """The state of the verification that has this id at the provider. Raises: ProviderAway, AccessDenied, GoneAtProvider."""
        ...


@runtime_checkable
class WebhookPort(ProviderPort, Protocol):
    """A provider that sends webhooks."""

    def understand(self, content: bytes, headers: Mapping[str, str]) -> Webhook:
        """Check the signature of a webhook, and parse its body. Header names are in lower case. Raises: BadSignature."""
        ...
