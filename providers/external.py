"""A provider that the gateway does not call: the integrator starts each verification there itself, and reports its progress and its result."""

from domain.errors import InvalidInput
from domain.request import ProviderReference, Request


class External:
    """Takes the link and the provider's id from the integrator's request. So any company's provider can be used."""

    name = "external"

    async def start(self, workspace: str, verification_id: str, request: Request) -> ProviderReference:
        """The reference to the verification that the integrator started. Raises: InvalidInput if the request does not say which."""
        if not request.external:
            raise InvalidInput("external", "is missing; this workspace has the provider external, for which you start the verification yourself")
        return ProviderReference(self.name, request.external.id, request.external.verification_url)
