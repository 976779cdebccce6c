"""Tests which provider is used for a workspace, and how a creation is refused if none is configured."""

import pytest

from domain.errors import NoProvider, RefusalCode
from providers.choice import Providers
from providers.external import External


def test_every_workspace_has_the_configured_provider() -> None:
    external = External()

    assert [Providers(external).of(workspace) for workspace in ("acme", "other")] == [external, external]


def test_without_a_configured_provider_the_refusal_names_the_setting() -> None:
    with pytest.raises(NoProvider, match="no provider is configured for this workspace; set GATEWAY_PROVIDER or GATEWAY_PROVIDERS_FILE") as refused:
        Providers(None).of("acme")

    assert refused.value.refusal is RefusalCode.PROVIDER_UNAVAILABLE
