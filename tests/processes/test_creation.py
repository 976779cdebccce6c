"""Tests of creating verifications at a provider over the network: `gateway serve` as a process, and a fake of Yousign."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from pymongo import MongoClient

from store.indexes import UNFINISHED_STARTS, VERIFICATIONS
from store.queues.starts import LEASE
from tests.fakes.yousign import UNOBSERVED, FakeYousign, Fault, fake_yousign, providers_file
from tests.processes.forwarder import forwarding
from tests.processes.process import CREATE, READY_SECONDS, REQUEST, Command, next_update, running
from tests.processes.service import api_at, free_port, logged, settings_at


@pytest.fixture
async def fake() -> AsyncIterator[FakeYousign]:
    """A running fake of Yousign."""
    async with fake_yousign() as running_fake:
        yield running_fake


def environment(port: int, file: Path) -> dict[str, str]:
    """The settings of a gateway on this port with this providers file. Workspaces that the file does not name have no provider."""
    chosen = {**settings_at(port), "GATEWAY_PROVIDERS_FILE": str(file), "GATEWAY_SWEEP_SECONDS": "0.1"}
    return {name: value for name, value in chosen.items() if name not in ("GATEWAY_PROVIDER", "GATEWAY_ALLOW_SANDBOX")}


def folder(parent: Path, name: str) -> Path:
    """A new folder for the output of one process."""
    (parent / name).mkdir()
    return parent / name


async def until_logged(command: Command, text: str) -> None:
    """Wait until the log of the command contains a line with this text."""
    await command.until(lambda: text in command.errors.read_text())


async def test_a_gateway_killed_between_the_answer_and_its_write_leaves_one_verification_with_a_link(
    tmp_path: Path, database_uri: str, fake: FakeYousign, mongo: MongoClient[dict[str, Any]]
) -> None:
    file, first_port, second_port = providers_file(tmp_path, fake, more=UNOBSERVED), free_port(), free_port()
    database = mongo[urlsplit(database_uri).path[1:]]
    async with forwarding(database_uri, marker=b"provider_started") as forwarder:
        await forwarder.open()
        async with running(folder(tmp_path, "first"), "serve", GATEWAY_MONGO_URI=forwarder.uri, **environment(first_port, file)) as first:
            await first.ready(api_at(first_port).url)
            creating = asyncio.create_task(api_at(first_port).execute(CREATE, input=REQUEST))
            await asyncio.wait_for(forwarder.held.wait(), READY_SECONDS)
            await first.end(signal.SIGKILL)
            with pytest.raises(httpx2.TransportError):
                await creating
    [entry] = database[UNFINISHED_STARTS].find()
    # Move the end of the killed process's lease into the past, so that the test need not wait for it.
    database[UNFINISHED_STARTS].update_one({"_id": entry["_id"]}, {"$set": {"until": entry["until"] - LEASE - timedelta(seconds=1)}})

    async with running(folder(tmp_path, "second"), "serve", GATEWAY_MONGO_URI=database_uri, **environment(second_port, file)) as second:
        await second.ready(api_at(second_port).url)
        async with api_at(second_port).updates(entry["_id"]) as socket:
            update = await next_update(socket)
            while not update["verification"]["verificationUrl"]:
                update = await next_update(socket)
        # The process removes the entry only after the write that the socket has reported. Wait for it.
        await second.until(lambda: not database[UNFINISHED_STARTS].count_documents({}))

    [document] = database[VERIFICATIONS].find()
    assert [*fake.videos][1] == document["provider"]["id"]
    assert update["verification"]["verificationUrl"] == fake.videos[document["provider"]["id"]]["verification_url"]
    assert [event["type"] for event in document["events"]] == ["created", "provider_started"]
    assert len(fake.videos) == 2


async def test_a_creation_under_way_at_sigterm_is_finished(
    tmp_path: Path, database_uri: str, fake: FakeYousign, mongo: MongoClient[dict[str, Any]]
) -> None:
    port = free_port()
    fake.order("POST", Fault.SLOW)
    async with running(
        tmp_path, "serve", GATEWAY_MONGO_URI=database_uri, **environment(port, providers_file(tmp_path, fake, more=UNOBSERVED))
    ) as command:
        await command.ready(api_at(port).url)
        creating = asyncio.create_task(api_at(port).execute(CREATE, input=REQUEST))
        await command.until(lambda: bool(fake.requests))

        command.process.send_signal(signal.SIGTERM)
        created = await creating
        status = await command.ended()

    assert (created["verificationUrl"], status) == (next(iter(fake.videos.values()))["verification_url"], 143)
    assert mongo[urlsplit(database_uri).path[1:]][UNFINISHED_STARTS].count_documents({}) == 0
    assert {line["level"] for line in logged(command)} <= {"info", "warning"}


async def test_a_sighup_before_the_gateway_listens_waits_until_it_does(tmp_path: Path, database_uri: str, fake: FakeYousign) -> None:
    port, later = free_port(), tmp_path / "later"
    later.mkdir()
    file = providers_file(tmp_path, fake, "other", UNOBSERVED)
    content = file.read_text()
    # Replace the file by a named pipe, so that the gateway waits in the middle of its start until the test writes into the pipe.
    file.unlink()
    os.mkfifo(file)
    async with running(tmp_path, "serve", GATEWAY_MONGO_URI=database_uri, **environment(port, file)) as command:
        with await asyncio.to_thread(file.open, "w") as pipe:
            command.process.send_signal(signal.SIGHUP)
            providers_file(later, fake, more=UNOBSERVED).replace(file)
            pipe.write(content)
        await until_logged(command, "the providers file was read again; it has 1 workspaces")
        await command.ready(api_at(port).url)
        created = await api_at(port).execute(CREATE, input=REQUEST)

    assert created["verificationUrl"] == next(iter(fake.videos.values()))["verification_url"]


async def test_after_a_sighup_with_a_new_key_starts_and_queries_that_were_denied_succeed_at_once(
    tmp_path: Path, database_uri: str, fake: FakeYousign
) -> None:
    port = free_port()
    chosen = {**environment(port, providers_file(tmp_path, fake, more=UNOBSERVED)), "GATEWAY_RECONCILE_SECONDS": ",".join(map(str, range(1, 300)))}
    async with running(tmp_path, "serve", GATEWAY_MONGO_URI=database_uri, **chosen) as command:
        api = api_at(port)
        await command.ready(api.url)
        started = await api.execute(CREATE, input=REQUEST)
        fake.api_key = "the-key-after-its-rotation"
        [video] = fake.videos
        fake.decide(video, "failed", ["IDVV_2101"])
        await until_logged(command, "can't be queried for the workspace acme: the API key is not accepted")
        denied = await api.execute(CREATE, input=REQUEST)

        providers_file(tmp_path, fake, more=UNOBSERVED)
        command.process.send_signal(signal.SIGHUP)
        async with api.updates(started["id"]) as results, api.updates(denied["id"]) as links:
            while (last := await next_update(results))["verification"]["status"] == "PENDING":
                pass
            while not (link := await next_update(links))["verification"]["verificationUrl"]:
                pass

    assert [event["type"] for event in last["events"]][-1] == "STATUS_CHANGED"
    assert denied["verificationUrl"] is None
    assert link["verification"]["verificationUrl"] == fake.videos[[*fake.videos][1]]["verification_url"]
    assert fake.api_key not in command.errors.read_text()


async def test_sighup_reads_the_file_again_without_losing_a_request(tmp_path: Path, database_uri: str, fake: FakeYousign) -> None:
    port = free_port()
    file = providers_file(tmp_path, fake, "other")
    refused = {"code": "PROVIDER_UNAVAILABLE"}
    async with running(tmp_path, "serve", GATEWAY_MONGO_URI=database_uri, **environment(port, file)) as command:
        api = api_at(port)
        await command.ready(api.url)
        before = await api.execute(CREATE, input=REQUEST)
        providers_file(tmp_path, fake)
        command.process.send_signal(signal.SIGHUP)
        await until_logged(command, "was read again")
        fake.order("POST", Fault.SLOW)
        under_way = [asyncio.create_task(api.execute(CREATE, input=REQUEST)) for _ in range(5)]
        await command.until(lambda: bool(fake.requests))

        file.write_text('[acme]\nprovider = "yousign"\napi_key = "canary-api-key"\n')
        command.process.send_signal(signal.SIGHUP)
        await until_logged(command, "stay as they were")
        after_bad_file = await api.execute(CREATE, input=REQUEST)
        file.write_text("")
        command.process.send_signal(signal.SIGHUP)
        await until_logged(command, "it has 0 workspaces")
        after_empty_file = await api.execute(CREATE, input=REQUEST)
        created = await asyncio.gather(*under_way)

    assert (before, after_empty_file) == (refused, refused)
    assert all(verification["verificationUrl"] for verification in [*created, after_bad_file])
    log = command.errors.read_text()
    assert "[acme] api_key must not be in this file" in log
    assert [secret for secret in ("canary", fake.api_key, fake.secret) if secret in log] == []


async def test_a_sandbox_in_the_file_must_be_allowed(tmp_path: Path, fake: FakeYousign) -> None:
    file = providers_file(tmp_path, fake, more='[trial]\nprovider = "sandbox"\n')
    async with running(tmp_path, "serve", GATEWAY_MONGO_URI="mongodb://127.0.0.1:1", **environment(free_port(), file)) as command:
        status = await command.ended()

    assert status == 1
    assert "[trial] provider: is sandbox, where anyone who has a link chooses the outcome" in command.errors.read_text()
