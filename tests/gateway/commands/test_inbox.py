"""Tests of the commands `gateway inbox …`, against a real MongoDB."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from domain.request import ProviderReference
from domain.status import Status
from domain.webhook import WebhookState
from gateway.__main__ import app
from gateway.commands.inbox import InboxError, apply_webhooks, list_webhooks, show_webhook
from gateway.settings import Settings
from store.verifications import Store
from tests.factories import a_verification
from tests.fakes.yousign import FakeYousign, providers_file
from tests.serving import settings_for_tests
from tests.store.test_inbox import UNREACHABLE, a_webhook
from tests.storing import stored_verifications

LINE = "acme/event-1\t2026-03-02T12:00:00Z\tunmatched\tyousign\tvideo-1\tfailed"


@pytest.fixture
def settings(database_uri: str, tmp_path: Path) -> Settings:
    """The settings of a gateway whose provider is Yousign, at an address where nothing listens."""
    return settings_for_tests(database_uri, 0, providers_file=providers_file(tmp_path, FakeYousign(url="http://127.0.0.1:1")), provider=None)


async def unmatched(store: Store, event_id: str = "event-1", **changed: Any) -> None:
    """Store a webhook that matches no verification."""
    added = await store.inbox.add(a_webhook(event_id, **changed), 5)
    assert added
    await store.inbox.settle(added, replace(added, state=WebhookState.UNMATCHED))


async def test_webhooks_are_listed(store: Store, settings: Settings) -> None:
    await unmatched(store)
    await store.inbox.add(a_webhook("event-2", "other", event_name="\x1b[31m", status=None, state=WebhookState.IGNORED), 5)

    assert await list_webhooks(settings, "acme", [], 10) == [LINE]
    assert await list_webhooks(settings, None, [WebhookState.UNMATCHED], 10) == [LINE]
    [line] = await list_webhooks(settings, "other", [], 10)
    assert line.endswith("\t?[31m")


async def test_a_webhook_is_shown(store: Store, settings: Settings) -> None:
    await unmatched(store)

    lines = await show_webhook(settings, "acme/event-1")

    assert "state: unmatched (No verification has the provider's id in it.)" in lines
    assert "codes: IDVV_2101" in lines
    assert "verification: -" in lines
    with pytest.raises(InboxError, match="no webhook 'acme/event-2'"):
        await show_webhook(settings, "acme/event-2")


async def test_unmatched_webhooks_are_applied(store: Store, settings: Settings) -> None:
    await store.within("acme").add(a_verification(provider=ProviderReference("yousign", "video-1", None)))
    await unmatched(store)
    await unmatched(store, "event-2", provider_id="video-2")
    await unmatched(store, "event-3", workspace="other")

    lines = await apply_webhooks(settings, None, "acme")

    assert sorted(line.split("\t")[2] for line in lines) == ["applied", "unmatched"]
    [verification] = await stored_verifications(store)
    assert verification.status is Status.FAILED


async def test_more_unmatched_webhooks_than_a_page_are_applied(store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.commands.inbox.MAX_LISTED", 2)
    for number in range(5):
        await unmatched(store, f"event-{number}")

    lines = await apply_webhooks(settings, None, "acme")

    assert [line.split("\t")[0] for line in lines] == [f"acme/event-{number}" for number in reversed(range(5))]


async def test_one_webhook_is_applied(store: Store, settings: Settings) -> None:
    await store.within("acme").add(a_verification(provider=ProviderReference("yousign", "video-1", None)))
    await unmatched(store)
    await store.inbox.add(a_webhook("event-2", status=None, state=WebhookState.IGNORED), 5)

    assert await apply_webhooks(settings, "acme/event-1", None) == [LINE.replace("unmatched", "applied")]
    assert await apply_webhooks(settings, "acme/event-2", None) == ["acme/event-2: announces no outcome; there is nothing to apply"]


async def test_an_unreadable_verification_is_reported(store: Store, settings: Settings) -> None:
    verification = await store.within("acme").add(a_verification(provider=ProviderReference("yousign", "video-1", None)))
    await store.collection.update_one({}, {"$set": {"version": "one"}})
    await unmatched(store)

    assert await apply_webhooks(settings, "acme/event-1", None) == [f"acme/event-1: version of {verification.id} can't be read by this release"]


async def test_without_mongodb_the_command_says_so() -> None:
    with pytest.raises(InboxError, match="MongoDB did not answer"):
        await list_webhooks(settings_for_tests(UNREACHABLE, 0, database_seconds=0.2), None, [], 10)


async def test_the_commands_read_the_settings_from_the_environment(
    store: Store, settings: Settings, database_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await unmatched(store)
    monkeypatch.setattr("gateway.settings.to_serve", lambda: settings)

    async def run(*arguments: str) -> tuple[int, str]:
        result = await asyncio.to_thread(CliRunner().invoke, app, ["inbox", *arguments])
        return result.exit_code, result.output

    assert await run("list", "--state", "unmatched", "--workspace", "acme") == (0, f"{LINE}\n")
    assert (await run("show", "acme/event-1"))[1].startswith("id: acme/event-1\n")
    assert (await run("apply", "--unmatched"))[1] == f"{LINE}\n"
    assert (await run("apply"))[0] == 2
    assert (await run("apply", "acme/event-1", "--unmatched"))[0] == 2
