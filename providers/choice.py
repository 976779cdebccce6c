"""The choice of the provider at which a new verification is started."""

from collections.abc import Mapping

from domain.errors import NoProvider
from providers.port import ProviderPort

# The names of all adapters of this release.
PROVIDER_NAMES = ("sandbox", "external", "yousign")


class Providers:
    """The adapter of each workspace. `by_workspace`: those of the providers file; all other workspaces have `fallback`, or no provider."""

    def __init__(self, fallback: ProviderPort | None, by_workspace: Mapping[str, ProviderPort] | None = None) -> None:
        self._fallback = fallback
        self.by_workspace = dict(by_workspace or {})

    def of(self, workspace: str) -> ProviderPort:
        """The adapter at which this workspace starts its verifications. Raises: NoProvider."""
        adapter = self.by_workspace.get(workspace, self._fallback)
        if not adapter:
            raise NoProvider
        return adapter

    def named(self, workspace: str, name: object) -> ProviderPort | None:
        """The adapter of this workspace, if it has this name; otherwise None: the workspace no longer has that provider."""
        adapter = self.by_workspace.get(workspace, self._fallback)
        return adapter if adapter and adapter.name == name else None

    def decides(self, workspace: str, name: object) -> bool:
        """Whether the provider with this name decides which deadlines have passed, because the gateway can query it."""
        adapter = self.named(workspace, name)
        return adapter is not None and adapter.queryable

    @property
    def queryable(self) -> dict[str, list[str]]:
        """The names of the providers that can be queried, each with the workspaces for which it can be."""
        workspaces: dict[str, list[str]] = {}
        for workspace, adapter in self.by_workspace.items():
            if adapter.queryable:
                workspaces.setdefault(adapter.name, []).append(workspace)
        return workspaces

    def replace(self, by_workspace: Mapping[str, ProviderPort]) -> None:
        """Choose from these adapters from now on. Requests under way finish with the adapter that they have."""
        self.by_workspace = dict(by_workspace)
