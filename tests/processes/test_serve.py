"""`gateway serve`, as operators run it."""

import asyncio
import signal
from pathlib import Path

import httpx2
import pytest
from websockets import ConnectionClosed

from gateway.alive import alive
from store.driver import close, connect, database
from tests.processes.forwarder import forwarding
from tests.processes.process import CREATE, END_SECONDS, READY_SECONDS, REQUEST, next_update, running
from tests.processes.service import api_at, free_port, logged, settings_at


@pytest.fixture
def port() -> int:
    """A port that nobody has at the moment."""
    return free_port()


@pytest.fixture
def environment(port: int) -> dict[str, str]:
    """All that must be set but for GATEWAY_MONGO_URI."""
    return settings_at(port)


async def test_an_address_that_cannot_be_mongodbs_is_refused_and_not_shown(tmp_path: Path, environment: dict[str, str]) -> None:
    async with running(tmp_path, "serve", GATEWAY_MONGO_URI="mongodb://user:canary/secret@127.0.0.1/x", **environment) as command:
        status = await command.ended()

    told = command.errors.read_text()
    assert status == 1
    assert told.startswith("gateway: MongoDB's address is not a mongodb:// URI")
    assert told.count("\n") == 1
    assert "canary" not in told


async def test_at_sigterm_what_is_under_way_is_finished_and_followers_are_sent_elsewhere(
    tmp_path: Path, database_uri: str, port: int, environment: dict[str, str]
) -> None:
    api = api_at(port)
    async with forwarding(database_uri, marker=b"held up") as way:
        await way.open()
        async with running(tmp_path, "serve", GATEWAY_MONGO_URI=way.uri, **environment) as command:
            await command.ready(api.url)
            followed = await api.ask(CREATE, input=REQUEST)
            async with api.updates(followed["id"]) as socket:
                await next_update(socket)
                under_way = asyncio.create_task(api.ask(CREATE, input={**REQUEST, "reference": "held up"}))
                await asyncio.wait_for(way.held.wait(), READY_SECONDS)

                command.process.send_signal(signal.SIGTERM)
                with pytest.raises(ConnectionClosed) as closed:
                    await next_update(socket)
                assert command.process.returncode is None
                way.released.set()
                async with asyncio.timeout(END_SECONDS):
                    created = await under_way
                    status = await command.process.wait()

    client = connect(database_uri, END_SECONDS)
    kept = await database(client)["verifications"].count_documents({"_id": created["id"], "reference": "held up"})
    close(client)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    assert status == 143
    assert kept == 1
    assert "error" not in {line["level"] for line in logged(command)}


async def test_at_sigterm_what_cannot_be_finished_is_told_that_its_outcome_is_open(
    tmp_path: Path, database_uri: str, port: int, environment: dict[str, str]
) -> None:
    api = api_at(port)
    async with forwarding(database_uri, marker=b"held up") as way, httpx2.AsyncClient(trust_env=False, timeout=30) as client:
        await way.open()
        async with running(tmp_path, "serve", GATEWAY_MONGO_URI=way.uri, **environment) as command:
            await command.ready(api.url)
            wanted = {"query": CREATE, "variables": {"input": {**REQUEST, "reference": "held up"}}}
            headers = {"authorization": f"Bearer {api.token}"}
            under_way = asyncio.create_task(client.post(f"{api.url}/graphql", json=wanted, headers=headers))
            await asyncio.wait_for(way.held.wait(), READY_SECONDS)

            command.process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(END_SECONDS):
                answer = await under_way
                status = await command.process.wait()

    [error] = answer.json()["errors"]
    assert answer.status_code == 503
    assert error == {"message": "no answer in time; it may or may not have been made", "extensions": {"code": "TIMEOUT"}}
    assert status == 143


async def test_it_waits_for_a_mongodb_that_comes_later(tmp_path: Path, database_uri: str, port: int, environment: dict[str, str]) -> None:
    url = f"http://127.0.0.1:{port}"
    async with (
        forwarding(database_uri) as way,
        running(tmp_path, "serve", GATEWAY_MONGO_URI=way.uri, **environment) as command,
        httpx2.AsyncClient(trust_env=False, timeout=30) as client,
    ):
        await command.until(lambda: "listening" in command.errors.read_text())
        living, ready = await client.get(f"{url}/livez"), await client.get(f"{url}/readyz")
        healthy = await asyncio.to_thread(alive, port)
        await way.open()
        await command.ready(url)

    assert (living.status_code, healthy) == (200, True)
    assert (ready.status_code, ready.json()) == (503, {"ready": False, "troubles": ["MongoDB does not answer"]})
