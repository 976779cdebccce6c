"""Runs the command `gateway` as a process, and calls its API."""

import asyncio
import json
import os
import signal
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from websockets import Subprotocol
from websockets.asyncio.client import ClientConnection, connect

# Generous limits, even for a busy machine.
READY_SECONDS = 60
END_SECONDS = 60

ROW = "id version status verificationUrl reasons { code }"
PAYLOAD = f"... on Verification {{ {ROW} }} ... on Refusal {{ code }}"
CREATE = f"mutation ($input: CreateVerificationInput!) {{ createVerification(input: $input) {{ {PAYLOAD} }} }}"
PROGRESS = f"mutation ($input: ReportProgressInput!) {{ reportProgress(input: $input) {{ {PAYLOAD} }} }}"
READ = f"query ($id: ID!) {{ verification(id: $id) {{ {ROW} }} }}"
UPDATES = f"subscription ($id: ID!) {{ verificationUpdated(id: $id, after: 0) {{ verification {{ {ROW} }} events {{ version type }} }} }}"

REQUEST = {"firstName": "Jeanne", "lastName": "Moreau", "redirectionUrl": "https://shop.example/welcome"}


@dataclass(frozen=True, slots=True)
class Command:
    """A running command, and the files with its output."""

    process: Process
    output: Path
    errors: Path

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds. Fails if the command ends before."""
        async with asyncio.timeout(READY_SECONDS):
            while not condition():
                assert self.process.returncode is None, f"it ended with {self.process.returncode}: {self.errors.read_text()}"
                await asyncio.sleep(0.05)

    async def ready(self, url: str) -> None:
        """Wait until the gateway at the URL is ready."""
        async with httpx2.AsyncClient(trust_env=False) as client, asyncio.timeout(READY_SECONDS):
            while not await has_status(client, f"{url}/readyz", 200):
                assert self.process.returncode is None, f"it ended with {self.process.returncode}: {self.errors.read_text()}"
                await asyncio.sleep(0.05)

    async def ended(self) -> int:
        """The exit status of a command that ends by itself."""
        return await asyncio.wait_for(self.process.wait(), READY_SECONDS)

    async def end(self, number: signal.Signals) -> int:
        """Send a signal to the whole process group, as a terminal does. Returns the exit status."""
        os.killpg(self.process.pid, number)
        return await asyncio.wait_for(self.process.wait(), END_SECONDS)


@asynccontextmanager
async def running(directory: Path, *arguments: str | Path, **environment: str) -> AsyncIterator[Command]:
    """The command `gateway`, which runs while the block does, without the tests' GATEWAY_ variables."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    output, errors = directory / "output", directory / "errors"
    with output.open("wb") as stdout, errors.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway", *map(str, arguments)),
            cwd=directory,
            env={**inherited, **environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
    try:
        yield Command(process, output, errors)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@dataclass(frozen=True, slots=True)
class Api:
    """A client of the gateway's API with one token."""

    url: str
    token: str

    async def execute(self, query: str, **variables: Any) -> Any:
        """The value of an operation's only field."""
        headers = {"authorization": f"Bearer {self.token}"}
        async with httpx2.AsyncClient(trust_env=False, timeout=30) as client:
            response = (await client.post(f"{self.url}/graphql", json={"query": query, "variables": variables}, headers=headers)).json()
        assert "errors" not in response, response["errors"]
        return next(iter(response["data"].values()))

    @asynccontextmanager
    async def updates(self, id: str) -> AsyncIterator[ClientConnection]:
        """A socket with a subscription to a verification, from its first version on."""
        websocket = f"{self.url.replace('http', 'ws', 1)}/graphql"
        async with connect(websocket, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None) as socket:
            await socket.send(json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {self.token}"}}))
            assert json.loads(await socket.recv()) == {"type": "connection_ack"}
            await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": UPDATES, "variables": {"id": id}}}))
            yield socket


async def next_update(socket: ClientConnection) -> dict[str, Any]:
    """The next update on a socket of `Api.updates`."""
    async with asyncio.timeout(READY_SECONDS):
        message = json.loads(await socket.recv())
    assert message["type"] == "next", message
    update: dict[str, Any] = message["payload"]["data"]["verificationUpdated"]
    return update


async def has_status(client: httpx2.AsyncClient, url: str, status: int) -> bool:
    """Whether the server responds with this status."""
    try:
        return (await client.get(url)).status_code == status
    except httpx2.TransportError:
        return False


async def eventually(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether the condition holds within the time."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    return condition()
