"""What the gateway needs of a company that verifies. Each adapter in this package is one such company."""

from typing import Protocol

from domain.verification import Provider, Request


class ProviderPort(Protocol):
    """A company that verifies identities by video."""

    async def start(self, workspace: str, verification_id: str, request: Request) -> Provider:
        """Start a verification there: the provider's own id for it, and the link for the individual."""
        ...
