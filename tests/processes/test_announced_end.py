"""A process that announces its end: for GATEWAY_DRAIN_DELAY_SECONDS, it answers requests, says that it will end, and begins no new subscriptions."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.processes.process import CREATE, END_SECONDS, REQUEST, Api, Command, next_update, running
from tests.processes.service import api_at, free_port, settings_at
from tests.wire import PROTOCOL

DELAY_SECONDS = 4
SUBSCRIBE = "subscription { verificationsUpdated { cursor } }"


@asynccontextmanager
async def ending(directory: Path, database_uri: str, port: int, **environment: str) -> AsyncIterator[tuple[Command, Api, httpx2.AsyncClient]]:
    """A context in which a process has announced its end, and will drain in DELAY_SECONDS. A subscriber to its feed is still connected."""
    api, settings = api_at(port), {**settings_at(port), "GATEWAY_DRAIN_DELAY_SECONDS": str(DELAY_SECONDS), **environment}
    probe = f"http://127.0.0.1:{environment.get('GATEWAY_ADMIN_PORT', port)}"
    async with (
        running(directory, "serve", GATEWAY_MONGO_URI=database_uri, **settings) as command,
        httpx2.AsyncClient(trust_env=False, timeout=30, base_url=probe) as probes,
    ):
        await command.ready(probe)
        created = await api.execute(CREATE, input=REQUEST)
        async with api.updates(created["id"]) as socket:
            await next_update(socket)
            command.process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(END_SECONDS):
                while (await probes.get("/readyz")).status_code != 503:
                    pass
            yield command, api, probes


async def test_an_ending_process_answers_requests_and_refuses_new_sockets(tmp_path: Path, database_uri: str) -> None:
    port = free_port()
    async with ending(tmp_path, database_uri, port) as (command, api, probes):
        ready, health = await probes.get("/readyz"), await probes.get("/healthz")
        bearer = {"authorization": f"Bearer {api.token}"}
        answer = await probes.post("/graphql", json={"query": "{ me { subject } }"}, headers=bearer)
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"ws://127.0.0.1:{port}/graphql", subprotocols=[PROTOCOL], proxy=None)
        stream = await probes.post("/graphql", json={"query": SUBSCRIBE}, headers={**bearer, "accept": "text/event-stream"})
        assert command.process.returncode is None

        assert await asyncio.wait_for(command.process.wait(), END_SECONDS) == 143

    assert ready.json() == {"ready": False, "troubles": ["the process is about to end"], "warnings": []}
    assert (health.status_code, health.json()["draining"]) == (200, True)
    # Proxies must not keep connections to this process.
    assert [each.headers["connection"] for each in (ready, answer, stream)] == ["close"] * 3
    assert (answer.status_code, "errors" in answer.json()) == (200, False)
    assert (refused.value.response.status_code, refused.value.response.headers["retry-after"]) == (503, "1")
    # Browsers connect again after an event stream has ended. After an error status, they do not.
    assert (stream.status_code, stream.text) == (200, "retry: 1500\n\n")


async def test_the_port_for_operators_answers_until_the_process_has_drained(tmp_path: Path, database_uri: str) -> None:
    port, admin = free_port(), free_port()
    async with ending(tmp_path, database_uri, port, GATEWAY_ADMIN_PORT=str(admin)) as (command, _, probes):
        statuses = [(await probes.get(path)).status_code for path in ("/livez", "/readyz", "/healthz", "/metrics")]
        async with httpx2.AsyncClient(trust_env=False) as client:
            public = await client.get(f"http://127.0.0.1:{port}/readyz")

        assert await asyncio.wait_for(command.process.wait(), END_SECONDS) == 143

    assert statuses == [200, 503, 200, 200]
    assert public.status_code == 404


async def test_a_taken_port_for_operators_is_reported_with_its_setting(tmp_path: Path, database_uri: str) -> None:
    port = free_port()
    settings = {**settings_at(port), "GATEWAY_ADMIN_PORT": str(port)}
    async with running(tmp_path, "serve", GATEWAY_MONGO_URI=database_uri, **settings) as command:
        status = await command.ended()

    assert status == 1
    assert command.errors.read_text().strip().endswith("choose another admin_port with GATEWAY_ADMIN_PORT")
