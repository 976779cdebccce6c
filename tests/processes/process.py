"""Helpers that run the command `gateway` as a process, and send requests to the API of that gateway."""

import asyncio
import json
import os
import signal
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from websockets import Subprotocol
from websockets.asyncio.client import ClientConnection, connect

# How long tests wait for a gateway to become ready or to end. The limits are long enough for a busy machine.
READY_SECONDS = 180
END_SECONDS = 180

ROW = "id version status verificationUrl reasons { code }"
PAYLOAD = f"... on Verification {{ {ROW} }} ... on Refusal {{ code }}"
CREATE = f"mutation ($input: CreateVerificationInput!) {{ createVerification(input: $input) {{ {PAYLOAD} }} }}"
PROGRESS = f"mutation ($input: ReportProgressInput!) {{ reportProgress(input: $input) {{ {PAYLOAD} }} }}"
READ = f"query ($id: ID!) {{ verification(id: $id) {{ {ROW} }} }}"
FEED = "subscription { verificationsUpdated { verification { id version } } }"
UPDATES = f"subscription ($id: ID!) {{ verificationUpdated(id: $id, after: 0) {{ verification {{ {ROW} }} events {{ version type }} }} }}"

REQUEST = {"firstName": "Jeanne", "lastName": "Moreau", "redirectionUrl": "https://shop.example/welcome"}


@dataclass(frozen=True, slots=True)
class Command:
    """A process of the command `gateway`, and the files to which it writes its output and its errors."""

    process: Process
    output: Path
    errors: Path

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition is true. The test fails if the command ends before that."""
        async with asyncio.timeout(READY_SECONDS):
            while not condition():
                assert self.process.returncode is None, f"it ended with {self.process.returncode}: {self.errors.read_text()}"
                await asyncio.sleep(0.05)

    async def ready(self, url: str) -> None:
        """Wait until the gateway at this URL reports that it is ready. The test fails if the command ends before that."""
        async with httpx2.AsyncClient(trust_env=False) as client, asyncio.timeout(READY_SECONDS):
            while not await has_status(client, f"{url}/readyz", 200):
                assert self.process.returncode is None, f"it ended with {self.process.returncode}: {self.errors.read_text()}"
                await asyncio.sleep(0.05)

    async def ended(self) -> int:
        """Wait until the command ends by itself. Returns its exit status."""
        return await asyncio.wait_for(self.process.wait(), READY_SECONDS)

    async def end(self, number: signal.Signals) -> int:
        """Send a signal to the whole process group, as a terminal does, and wait until the command ends. Returns its exit status."""
        os.killpg(self.process.pid, number)
        return await asyncio.wait_for(self.process.wait(), END_SECONDS)


@asynccontextmanager
async def running(directory: Path, *arguments: str | Path, **environment: str) -> AsyncIterator[Command]:
    """Run the command `gateway` in this directory. At the end of the block, it is killed if it still runs.

    The command inherits the environment variables of the tests, except those that begin with GATEWAY_.
    """
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
    """A client of the gateway's API that sends the same token with all requests."""

    url: str
    token: str

    async def execute(self, query: str, **variables: Any) -> Any:
        """Execute an operation with a single root field, and return the value of that field."""
        headers = {"authorization": f"Bearer {self.token}"}
        async with httpx2.AsyncClient(trust_env=False, timeout=30) as client:
            response = (await client.post(f"{self.url}/graphql", json={"query": query, "variables": variables}, headers=headers)).json()
        assert "errors" not in response, response["errors"]
        return next(iter(response["data"].values()))

    def updates(self, id: str) -> AbstractAsyncContextManager[ClientConnection]:
        """Open a WebSocket with a subscription to this verification. The first message (see `next_update`) contains all events so far."""
        return self.subscription(UPDATES, id=id)

    @asynccontextmanager
    async def subscription(self, query: str, **variables: Any) -> AsyncIterator[ClientConnection]:
        """Open a WebSocket with this subscription. Messages are received by `next_update`."""
        websocket = f"{self.url.replace('http', 'ws', 1)}/graphql"
        async with connect(websocket, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None) as socket:
            await socket.send(json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {self.token}"}}))
            assert json.loads(await socket.recv()) == {"type": "connection_ack"}
            await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": query, "variables": variables}}))
            yield socket


async def next_update(socket: ClientConnection) -> dict[str, Any]:
    """Receive the next message on a socket that `Api.subscription` opened. Returns the value of the subscription's field."""
    async with asyncio.timeout(READY_SECONDS):
        message = json.loads(await socket.recv())
    assert message["type"] == "next", message
    update: dict[str, Any] = next(iter(message["payload"]["data"].values()))
    return update


async def has_status(client: httpx2.AsyncClient, url: str, status: int) -> bool:
    """Send a GET request. Returns whether the server responds with this HTTP status; False if it can't be reached."""
    try:
        return (await client.get(url)).status_code == status
    except httpx2.TransportError:
        return False


def runs(process_id: int) -> bool:
    """Whether a process runs. A zombie does not count: if its parent was killed, its new parent may reap it late."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def eventually(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until the condition is true, but no longer than `seconds`. Returns whether it is true."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    return condition()
