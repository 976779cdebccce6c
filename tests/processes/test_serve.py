"""Tests `gateway serve` as a process: with a MongoDB that can't be used or can't be reached, and its end after SIGTERM."""

import asyncio
import signal
from pathlib import Path

import httpx2
import pytest
from websockets import ConnectionClosed

from gateway.alive import alive
from store.driver import close_client, connect, database
from tests.processes.forwarder import forwarding
from tests.processes.process import CREATE, END_SECONDS, READY_SECONDS, REQUEST, next_update, running
from tests.processes.service import api_at, free_port, logged, settings_at


@pytest.fixture
def port() -> int:
    """The TCP port on which the gateway of the test listens."""
    return free_port()


@pytest.fixture
def environment(port: int) -> dict[str, str]:
    """All settings that `gateway serve` requires, as environment variables, except GATEWAY_MONGO_URI."""
    return settings_at(port)


async def test_an_invalid_mongodb_uri_is_refused_and_not_shown(tmp_path: Path, environment: dict[str, str]) -> None:
    async with running(tmp_path, "serve", GATEWAY_MONGO_URI="mongodb://user:canary/secret@127.0.0.1/x", **environment) as command:
        status = await command.ended()

    output = command.errors.read_text()
    assert status == 1
    assert output.startswith("gateway: MongoDB's address (GATEWAY_MONGO_URI, or --mongo-uri of `gateway dev`) can't be read: percent-encode")
    assert output.count("\n") == 1
    assert "canary" not in output


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        pytest.param(None, "it refuses the user name or the password in the address", id="a wrong password"),
        pytest.param(
            "mongodb+srv://canary.invalid/x", "the host in the address can't be looked up, or its SRV record is not valid", id="a wrong name"
        ),
    ],
)
async def test_a_mongodb_that_needs_a_correction_ends_the_process_with_one_line(
    tmp_path: Path, environment: dict[str, str], database_uri: str, uri: str | None, reason: str
) -> None:
    address = uri or database_uri.replace("//", "//user:canary@")
    async with running(tmp_path, "serve", GATEWAY_MONGO_URI=address, **environment) as command:
        status = await command.ended()

    output = command.errors.read_text()
    assert (status, output.count("\n")) == (1, 1)
    assert output.startswith(f"gateway: MongoDB at GATEWAY_MONGO_URI can't be used: {reason}")
    assert "canary" not in output


async def test_at_sigterm_running_operations_finish_and_subscribers_are_disconnected(
    tmp_path: Path, database_uri: str, port: int, environment: dict[str, str]
) -> None:
    api = api_at(port)
    async with forwarding(database_uri, marker=b"held up") as forwarder:
        await forwarder.open()
        async with running(tmp_path, "serve", GATEWAY_MONGO_URI=forwarder.uri, **environment) as command:
            await command.ready(api.url)
            followed = await api.execute(CREATE, input=REQUEST)
            async with api.updates(followed["id"]) as socket:
                await next_update(socket)
                running_operation = asyncio.create_task(api.execute(CREATE, input={**REQUEST, "reference": "held up"}))
                await asyncio.wait_for(forwarder.held.wait(), READY_SECONDS)

                command.process.send_signal(signal.SIGTERM)
                with pytest.raises(ConnectionClosed) as closed:
                    await next_update(socket)
                assert command.process.returncode is None
                forwarder.released.set()
                async with asyncio.timeout(END_SECONDS):
                    created = await running_operation
                    status = await command.process.wait()

    client = connect(database_uri, END_SECONDS)
    stored = await database(client)["verifications"].count_documents({"_id": created["id"], "reference": "held up"})
    close_client(client)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    assert status == 143
    assert stored == 1
    assert "error" not in {line["level"] for line in logged(command)}


async def test_at_sigterm_an_operation_that_cannot_finish_fails_with_an_unknown_outcome(
    tmp_path: Path, database_uri: str, port: int, environment: dict[str, str]
) -> None:
    api = api_at(port)
    async with forwarding(database_uri, marker=b"held up") as forwarder, httpx2.AsyncClient(trust_env=False, timeout=30) as client:
        await forwarder.open()
        async with running(tmp_path, "serve", GATEWAY_MONGO_URI=forwarder.uri, **environment) as command:
            await command.ready(api.url)
            request = {"query": CREATE, "variables": {"input": {**REQUEST, "reference": "held up"}}}
            headers = {"authorization": f"Bearer {api.token}"}
            running_operation = asyncio.create_task(client.post(f"{api.url}/graphql", json=request, headers=headers))
            await asyncio.wait_for(forwarder.held.wait(), READY_SECONDS)

            command.process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(END_SECONDS):
                response = await running_operation
                status = await command.process.wait()

    [error] = response.json()["errors"]
    assert response.status_code == 503
    assert error == {"message": "no answer in time; it may or may not have been made", "extensions": {"code": "TIMEOUT"}}
    assert status == 143


async def test_a_gateway_without_mongodb_is_alive_and_becomes_ready_later(
    tmp_path: Path, database_uri: str, port: int, environment: dict[str, str]
) -> None:
    url = f"http://127.0.0.1:{port}"
    async with (
        forwarding(database_uri) as forwarder,
        running(tmp_path, "serve", GATEWAY_MONGO_URI=forwarder.uri, **environment) as command,
        httpx2.AsyncClient(trust_env=False, timeout=30) as client,
    ):
        await command.until(lambda: "listening" in command.errors.read_text())
        living, ready = await client.get(f"{url}/livez"), await client.get(f"{url}/readyz")
        healthy = await asyncio.to_thread(alive, port)
        await forwarder.open()
        await command.ready(url)
        waited = [line["event"] for line in logged(command) if line["logger"] == "gateway.process.health"]

    assert (living.status_code, healthy) == (200, True)
    assert waited == ["waiting for MongoDB: no primary answers; check the address and the replica set", "MongoDB answers"]
    assert (ready.status_code, ready.json()) == (503, {"ready": False, "troubles": ["MongoDB does not answer"], "warnings": []})
