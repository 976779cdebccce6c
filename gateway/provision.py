"""Creates the adapters of the providers from the settings and the providers file, and replaces them when that file is read again."""

import logging
from collections.abc import Callable, Mapping
from functools import partial

import httpx2

from gateway.pages.follow import Renewals
from gateway.process.metrics import Providing
from gateway.settings import Settings, sections_of
from lifecycle.observed_links import ObservedLinks
from providers.choice import Providers
from providers.external import External
from providers.file import BadProvidersFile, Deliveries, ExternalSection, SandboxSection, YousignSection
from providers.port import ProviderPort
from providers.sandbox import Sandbox
from providers.yousign import Yousign

logger = logging.getLogger(__name__)

# CONNECT_SECONDS: how long an adapter waits for a connection to its provider. PART_SECONDS: how long it then waits for each part of the response.
CONNECT_SECONDS = 5.0
PART_SECONDS = 15.0
MAX_CONNECTIONS = 50

Sections = Mapping[str, SandboxSection | ExternalSection | YousignSection]


def provider_client(make: Callable[..., httpx2.AsyncClient] = httpx2.AsyncClient) -> httpx2.AsyncClient:
    """The HTTP client of all adapters. It follows no redirects, so that API keys are sent only to the providers. The calling code closes the client.

    `make`: creates an HTTP client with these options.
    """
    timeout = httpx2.Timeout(PART_SECONDS, connect=CONNECT_SECONDS)
    return make(timeout=timeout, limits=httpx2.Limits(max_connections=MAX_CONNECTIONS), follow_redirects=False)


class Provision:
    """Provides each workspace with its adapter, its observed links and the address that renews its follow tokens.

    `local`: whether the gateway runs on a developer's machine. The constructor raises BadProvidersFile if the providers file can't be used.
    """

    def __init__(self, settings: Settings, client: httpx2.AsyncClient, metrics: Providing, local: bool) -> None:
        self._settings = settings
        self._client = client
        self._metrics = metrics
        self._local = local
        self.sandbox = Sandbox(str(settings.public_url), [key.encode() for key in settings.signing_keys])
        self._external = External()
        self._sections: Sections = sections_of(settings, local)
        fallback: dict[str | None, ProviderPort | None] = {"sandbox": self.sandbox, "external": self._external, None: None}
        self.providers = Providers(fallback[settings.provider], {name: self._adapter(section) for name, section in self._sections.items()})
        self.links = ObservedLinks(str(settings.public_url), settings.signing_keys)
        self.renewals = Renewals(self.renewal_addresses, settings.signing_keys)
        self._observe()
        self._measure()
        # The functions to call after the providers file was read again.
        self.on_reload: list[Callable[[], None]] = []

    def deliveries(self) -> dict[str, Deliveries]:
        """Where the backends receive webhooks now, by workspace. A workspace without a backend is not among them."""
        return {workspace: section.deliveries for workspace, section in self._sections.items() if section.deliveries}

    def renewal_addresses(self) -> dict[str, str]:
        """The addresses at which integrators renew follow tokens now, by workspace. A workspace without such an address is not among them."""
        return {name: str(section.follow_renewal_url) for name, section in self._sections.items() if section.follow_renewal_url}

    def reload(self) -> None:
        """Read the providers file again, if there is one. A file that can't be used is logged, and changes nothing."""
        if not self._settings.providers_file:
            return
        try:
            sections = sections_of(self._settings, self._local)
        except BadProvidersFile as bad:
            logger.error("%s\nThe providers stay as they were.", bad)
            return
        before, self._sections = self._sections, sections
        kept = self.providers.by_workspace
        # An adapter whose section has not changed is kept, because it contains the rate limits that its provider announced.
        adapters = {name: kept[name] if before.get(name) == section else self._adapter(section) for name, section in sections.items()}
        self.providers.replace(adapters)
        self._observe()
        self._measure()
        logger.info("the providers file was read again; it has %d workspaces", len(sections))
        for listener in self.on_reload:
            listener()

    def _adapter(self, section: SandboxSection | ExternalSection | YousignSection) -> ProviderPort:
        match section:
            case SandboxSection():
                return self.sandbox
            case ExternalSection():
                return self._external
            case YousignSection():
                return Yousign(self._client, section, partial(self._metrics.observe, Yousign.name))

    def _observe(self) -> None:
        """Turn observed links on or off for each workspace of the providers file, as its section says."""
        self.links.unobserved = frozenset(workspace for workspace, section in self._sections.items() if not observes(section))

    def _measure(self) -> None:
        """Make the metrics show how many requests each provider still accepts before its rate limit is reached."""
        self._metrics.remaining.clear()
        for workspace, adapter in self.providers.by_workspace.items():
            if isinstance(adapter, Yousign):
                self._metrics.remaining.labels(workspace).set_function(partial(remaining, adapter))


def observes(section: SandboxSection | ExternalSection | YousignSection) -> bool:
    """Whether the links of a workspace with this section lead through the gateway."""
    return not isinstance(section, SandboxSection) and section.observe


def remaining(yousign: Yousign) -> float:
    """How many more requests Yousign accepts before it refuses some because of its rate limit; NaN if it has announced nothing yet."""
    return float("nan") if yousign.limits.remaining is None else yousign.limits.remaining
