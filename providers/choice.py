"""The choice of the provider at which a new verification is started."""

from collections.abc import Mapping

from domain.errors import NoProvider
from providers.port import ProviderPort

# The names of all adapters of this release.
PROVIDER_NAMES = ("sandbox", "external", "yousign")


class Providers:
    """The adapter of each workspace. `by_workspace`: the adapters that the providers file chooses; all other workspaces have `fallback`, or none."""

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
        """The adapter of this workspace if its name is `name`; otherwise None: the workspace has changed its provider meanwhile."""
        adapter = self.by_workspace.get(workspace, self._fallback)
        return adapter if adapter and adapter.name == name else None

    def decides(self, workspace: str, name: object) -> bool:
        """Whether the provider with this name decides which deadlines have passed, because the gateway can query it."""
        adapter = self.named(workspace, name)
        return adapter is not None and adapter.queryable

    @property
    def queryable(self) -> dict[str, list[str]]:
        """The workspaces whose provider can be queried, by the name of the provider."""
        workspaces: dict[str, list[str]] = {}
        for workspace, adapter in self.by_workspace.items():
            if adapter.queryable:
                workspaces.setdefault(adapter.name, []).append(workspace)
        return workspaces

    def replace(self, by_workspace: Mapping[str, ProviderPort]) -> None:
        """Use these adapters for all later requests. A request that already runs keeps its adapter."""
        self.by_workspace = dict(by_workspace)
