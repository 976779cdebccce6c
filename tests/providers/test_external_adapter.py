"""Runs the adapter that docs/providers.md shows, between a gateway and a small provider."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import pytest

from domain.caller import Scope
from tests.company import PERSON
from tests.providers.small_provider import API_KEY, WEBHOOK_SECRET, SmallProvider, listening
from tests.serving import Gateway, serving
from tests.wire import following

PAGE = Path(__file__).parents[2] / "docs" / "providers.md"
MAX_LINES = 60
FOLLOW = """
subscription($id: ID!) {
  verificationUpdated(id: $id, followRetries: true) {
    verification { id attempt status phase reasons { code } provider { name id } extractedDocument { fullName bornOn } }
  }
}
"""


def code() -> str:
    """The Python code of the adapter, copied from docs/providers.md."""
    [block] = re.findall("```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return str(block)


@pytest.fixture
def provider() -> Iterator[SmallProvider]:
    """A small provider that runs until the end of the test."""
    small = SmallProvider()
    with listening(small.handler()) as small.url:
        yield small


@pytest.fixture
async def gateway(database_uri: str) -> Any:
    """A gateway whose provider is `external`."""
    async with serving(database_uri, provider="external") as running:
        yield running


async def leads_to(gateway: Gateway, link: str) -> str:
    """Send the POST request with which a browser opens an observed link. Returns the address to which the response leads."""
    opened = await gateway.client.post(urlsplit(link).path)
    return str(opened.headers["location"])


@pytest.fixture
def adapter(gateway: Gateway, provider: SmallProvider, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module with the adapter of docs/providers.md. The environment has the settings that the adapter reads."""
    token = gateway.token(Scope.READ, Scope.WRITE, Scope.REPORT)
    settings = {"GRAPHQL_URL": f"{gateway.url}/graphql", "GRAPHQL_TOKEN": token, "PROVIDER_URL": provider.url}
    for name, value in {**settings, "PROVIDER_KEY": API_KEY, "WEBHOOK_SECRET": WEBHOOK_SECRET, "NO_PROXY": "127.0.0.1"}.items():
        monkeypatch.setenv(name, value)
    module = ModuleType("adapter")
    exec(compile(code(), str(PAGE), "exec"), module.__dict__)
    return module


def test_the_adapter_is_short() -> None:
    assert len([line for line in code().splitlines() if line]) < MAX_LINES


async def test_an_adapter_connects_a_provider_to_the_gateway(gateway: Gateway, provider: SmallProvider, adapter: Any) -> None:
    with listening(adapter.Webhooks) as webhooks:

        async def notify(*event: str, **changed: str) -> int:
            return await asyncio.to_thread(provider.notify, webhooks, *event, **changed)

        created = await asyncio.to_thread(adapter.start, "order-7", PERSON)
        addresses = [await leads_to(gateway, created["verificationUrl"])]
        async with following(gateway, gateway.token(), FOLLOW, {"id": created["id"]}) as updates:
            statuses = [await notify("session-1", step) for step in ("opened", "recording", "recorded")]
            statuses += [await notify("session-1", "declined", "document_expired", "torn_page") for _ in range(2)]
            retry = await asyncio.to_thread(adapter.start, "order-7", PERSON, created["id"])
            addresses.append(await leads_to(gateway, retry["verificationUrl"]))
            statuses.append(await notify("session-2", "approved"))
            received = [update["verification"] for update in await updates.rest()]

    assert addresses == [f"{provider.url}/session-1", f"{provider.url}/session-2"]
    assert statuses == [200] * 6
    declined = [each for each in received if each["id"] == created["id"]][-1]
    assert (declined["status"], declined["provider"]) == ("FAILED", {"name": "external", "id": "session-1"})
    assert [reason["code"] for reason in declined["reasons"]] == ["IDVV_2101", "TORN_PAGE"]
    assert (received[-1]["id"], received[-1]["attempt"], received[-1]["status"]) == (retry["id"], 2, "VERIFIED")
    assert received[-1]["extractedDocument"] == {"fullName": "Jeanne Moreau", "bornOn": "1990-01-23"}


async def test_the_adapter_lets_the_provider_send_a_webhook_again_and_refuses_a_foreign_one(
    gateway: Gateway, provider: SmallProvider, adapter: Any
) -> None:
    provider.sessions["session-1"] = {"reference": "order-7"}
    with listening(adapter.Webhooks) as webhooks:
        unmatched = await asyncio.to_thread(provider.notify, webhooks, "session-1", "approved")
        provider.sessions.clear()
        created = await asyncio.to_thread(adapter.start, "order-7", PERSON)
        foreign = await asyncio.to_thread(provider.notify, webhooks, "session-1", "declined", "forged", secret="another secret")
        repeated = await asyncio.to_thread(provider.notify, webhooks, "session-1", "approved")

    found = (await gateway.query("query($id: ID!) { verification(id: $id) { status version } }", {"id": created["id"]}))["verification"]
    assert (unmatched, foreign, repeated) == (503, 401, 200)
    assert found == {"status": "VERIFIED", "version": 2}
