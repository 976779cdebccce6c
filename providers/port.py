"""The port for providers: the interface that every adapter in this package implements."""

from typing import Protocol

from domain.request import ProviderReference, Request


class ProviderPort(Protocol):
    """A company that verifies identities by video. `name` is stored with each verification that is started there."""

    name: str

    async def start(self, workspace: str, verification_id: str, request: Request) -> ProviderReference:
        """Start a verification at the provider. Returns the provider's own id for the verification, and the link for the person to be verified.

        Raises: InvalidInput if the provider needs a value that the request lacks, or can't use a value that the request has.
        """
        ...
