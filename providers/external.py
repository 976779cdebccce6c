"""The provider `external`: any company that the gateway does not call. The integrator starts verifications there itself, and reports the results."""

from domain.errors import InvalidInput
from domain.request import ProviderReference, Request
from providers.port import Start


class External:
    """The adapter of the provider `external`. It takes the link and the provider's id from the integrator's request, so it works for any company."""

    name = "external"
    immediate = True
    queryable = False

    def check(self, request: Request) -> None:
        """Check that the request says which verification the integrator started.

        Raises: InvalidInput if the request does not say this, or if it has requirements: the integrator sends those to the provider itself.
        """
        if not request.external:
            raise InvalidInput("external", "is missing; this workspace has the provider external, for which you start the verification yourself")
        if request.requirements:
            raise InvalidInput("requirements", "is not for the provider external; make your requirements when you start the verification there")

    async def start(self, start: Start) -> ProviderReference:
        """The reference to the verification that the integrator started. Raises: InvalidInput for the same reasons as `check`."""
        self.check(start.request)
        started = start.request.external
        return ProviderReference(self.name, started.id if started else None, started.verification_url if started else None)
