"""The port for providers: the interface that every adapter in this package implements."""

from typing import Protocol

from domain.request import Provider, Request


class ProviderPort(Protocol):
    """A company that verifies identities by video."""

    async def start(self, workspace: str, verification_id: str, request: Request) -> Provider:
        """Start a verification at the provider. Returns the provider's own id for the verification, and the link for the person to be verified."""
        ...
