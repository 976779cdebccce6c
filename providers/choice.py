"""The choice of the provider at which a new verification is started."""

from domain.errors import NoProvider
from providers.port import ProviderPort


class Providers:
    """The provider of each workspace. All workspaces have the same provider, or none of them has any."""

    def __init__(self, configured: ProviderPort | None) -> None:
        self._configured = configured

    def of(self, workspace: str) -> ProviderPort:
        """The provider at which this workspace starts its verifications. Raises: NoProvider."""
        if not self._configured:
            raise NoProvider
        return self._configured
