"""Tests of the adapters that are created from the settings and the providers file."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from domain.errors import NoProvider
from domain.request import Request
from gateway.process.metrics import Providing
from gateway.provision import Provision, provider_client
from providers.external import External
from providers.file import BadProvidersFile
from providers.port import ProviderPort, QueryablePort, Start, WebhookPort
from providers.sandbox import Sandbox
from providers.yousign import Yousign
from tests.factories import REQUEST
from tests.fakes.yousign import FakeYousign, fake_yousign, providers_file
from tests.serving import settings_for_tests

OTHERS = '[trial]\nprovider = "sandbox"\n[own]\nprovider = "external"\n'


@pytest.fixture
async def fake() -> AsyncIterator[FakeYousign]:
    """A running fake of Yousign."""
    async with fake_yousign() as running:
        yield running


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    """The HTTP client of the adapters."""
    async with provider_client() as opened:
        yield opened


@pytest.fixture
def registry() -> CollectorRegistry:
    """The registry through which a test reads the metrics."""
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> Providing:
    """The metrics of the adapters, which the test reads through `registry`."""
    return Providing(registry)


def provided(client: httpx2.AsyncClient, metrics: Providing, file: Path | None, local: bool = False, **changed: Any) -> Provision:
    """The adapters of a gateway with this providers file, or without one. `changed`: other settings."""
    return Provision(settings_for_tests("mongodb://unused", 0, providers_file=file, **changed), client, metrics, local)


async def test_each_workspace_has_the_adapter_of_its_section_and_others_that_of_the_setting(
    client: httpx2.AsyncClient, metrics: Providing, fake: FakeYousign, tmp_path: Path
) -> None:
    providers = provided(client, metrics, providers_file(tmp_path, fake, more=OTHERS), allow_sandbox=True, provider="external").providers

    kinds = {workspace: type(providers.of(workspace)) for workspace in ("acme", "trial", "own", "not-named")}

    assert kinds == {"acme": Yousign, "trial": Sandbox, "own": External, "not-named": External}
    assert [providers.named("acme", "yousign"), providers.named("acme", "sandbox")] == [providers.of("acme"), None]
    assert (providers.decides("acme", "yousign"), providers.decides("trial", "sandbox"), providers.queryable) == (True, False, {"yousign": ["acme"]})


async def test_only_adapters_with_these_operations_have_the_further_ports(
    client: httpx2.AsyncClient, metrics: Providing, fake: FakeYousign, tmp_path: Path
) -> None:
    providers = provided(client, metrics, providers_file(tmp_path, fake, more=OTHERS), local=True).providers
    adapters: list[ProviderPort] = [providers.of(workspace) for workspace in ("acme", "trial", "own")]

    assert [isinstance(adapter, QueryablePort) for adapter in adapters] == [adapter.queryable for adapter in adapters] == [True, False, False]
    assert [isinstance(adapter, WebhookPort) for adapter in adapters] == [True, True, False]


async def test_a_sandbox_in_the_file_is_accepted_only_if_it_is_allowed(client: httpx2.AsyncClient, metrics: Providing, tmp_path: Path) -> None:
    file = tmp_path / "providers.toml"
    file.write_text('[trial]\nprovider = "sandbox"\n')

    with pytest.raises(BadProvidersFile, match=r"\[trial\] provider: is sandbox, where anyone .* GATEWAY_ALLOW_SANDBOX=true accepts that"):
        provided(client, metrics, file)
    assert isinstance(provided(client, metrics, file, local=True, provider=None).providers.of("trial"), Sandbox)


async def test_reading_the_file_again_keeps_the_adapters_whose_sections_have_not_changed(
    client: httpx2.AsyncClient, metrics: Providing, registry: CollectorRegistry, fake: FakeYousign, tmp_path: Path
) -> None:
    provision = provided(client, metrics, providers_file(tmp_path, fake), provider=None)
    kept = provision.providers.of("acme")
    reloads: list[list[str]] = []
    provision.on_reload.append(lambda: reloads.append(sorted(provision.providers.by_workspace)))
    providers_file(tmp_path, fake, more='[own]\nprovider = "external"\n')
    provision.reload()
    assert (provision.providers.of("acme") is kept, type(provision.providers.of("own"))) == (True, External)
    # The functions in `on_reload` are called only after the new adapters are in use.
    assert reloads == [["acme", "own"]]

    fake.api_key = "another-api-key"
    providers_file(tmp_path, fake)
    provision.reload()
    changed = provision.providers.of("acme")
    assert changed is not kept
    assert (await changed.start(Start("acme", "ver_1", REQUEST, REQUEST.redirection_url))).id in fake.videos
    with pytest.raises(NoProvider):
        provision.providers.of("own")

    (tmp_path / "providers.toml").write_text("")
    provision.reload()
    assert b'workspace="acme"' not in generate_latest(registry)


async def test_a_bad_file_is_logged_without_secrets_and_changes_nothing(
    client: httpx2.AsyncClient, metrics: Providing, fake: FakeYousign, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = providers_file(tmp_path, fake)
    provision = provided(client, metrics, file)
    before = provision.providers.of("acme")
    file.write_text(file.read_text() + 'api_key = "canary"\n')
    provision.reload()
    file.unlink()
    provision.reload()

    assert provision.providers.of("acme") is before
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
    assert "[acme] api_key must not be in this file" in caplog.text
    assert [secret for secret in ("canary", fake.api_key, fake.secret) if secret in caplog.text] == []


async def test_without_a_file_nothing_is_read_again(client: httpx2.AsyncClient, metrics: Providing, caplog: pytest.LogCaptureFixture) -> None:
    provided(client, metrics, None).reload()

    assert caplog.records == []


async def test_the_metrics_show_requests_outcomes_and_what_the_provider_still_accepts(
    client: httpx2.AsyncClient, metrics: Providing, registry: CollectorRegistry, fake: FakeYousign, tmp_path: Path
) -> None:
    adapter = provided(client, metrics, providers_file(tmp_path, fake)).providers.of("acme")
    assert 'gateway_provider_remaining_requests{workspace="acme"} NaN' in generate_latest(registry).decode()
    fake.headers = {"ratelimit-remaining": "17"}

    await adapter.start(Start("acme", "ver_1", Request(REQUEST.declared, REQUEST.redirection_url), REQUEST.redirection_url))
    metrics.count_creation("yousign", "started")

    shown = generate_latest(registry).decode()
    for line in (
        'gateway_provider_requests_total{operation="create",outcome="done",provider="yousign"} 1.0',
        'gateway_provider_seconds_count{operation="create",provider="yousign"} 1.0',
        'gateway_provider_remaining_requests{workspace="acme"} 17.0',
        'gateway_creations_total{outcome="started",provider="yousign"} 1.0',
    ):
        assert line in shown
    assert [secret for secret in (fake.api_key, fake.secret) if secret in shown] == []


async def test_links_are_observed_unless_the_section_turns_them_off_and_a_new_file_decides_anew(
    client: httpx2.AsyncClient, metrics: Providing, fake: FakeYousign, tmp_path: Path
) -> None:
    def observed() -> dict[str, bool]:
        return {workspace: provision.links.observes(workspace, "external") for workspace in ("own", "other", "not-named")}

    sections = '[own]\nprovider = "external"\nobserve = false\n[other]\nprovider = "external"\n'
    provision = provided(client, metrics, providers_file(tmp_path, fake, more=sections), provider="external")
    assert observed() == {"own": False, "other": True, "not-named": True}

    providers_file(tmp_path, fake, more=sections.replace("false", "true"))
    provision.reload()
    assert observed() == {"own": True, "other": True, "not-named": True}


async def test_an_address_for_renewal_without_https_is_accepted_only_on_a_developers_machine(
    client: httpx2.AsyncClient, metrics: Providing, tmp_path: Path
) -> None:
    file = tmp_path / "providers.toml"
    file.write_text('[shop]\nprovider = "external"\nfollow_renewal_url = "http://127.0.0.1:3000/renew"\n[other]\nprovider = "external"\n')

    assert provided(client, metrics, file, local=True).renewal_addresses() == {"shop": "http://127.0.0.1:3000/renew"}
    with pytest.raises(BadProvidersFile, match=r"\[shop\] follow_renewal_url: must be an https URL"):
        provided(client, metrics, file)
