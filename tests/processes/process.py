"""The command `gateway`, run as its users run it, and asked as its clients ask it."""

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

# Far longer than a busy machine needs: whoever waits so long waits in vain.
READY_SECONDS = 60
END_SECONDS = 60

ROW = "id version status verificationUrl reasons { code }"
ANSWER = f"... on Verification {{ {ROW} }} ... on Refusal {{ code }}"
CREATE = f"mutation ($input: CreateVerificationInput!) {{ createVerification(input: $input) {{ {ANSWER} }} }}"
PROGRESS = f"mutation ($input: ReportProgressInput!) {{ reportProgress(input: $input) {{ {ANSWER} }} }}"
READ = f"query ($id: ID!) {{ verification(id: $id) {{ {ROW} }} }}"
UPDATES = f"subscription ($id: ID!) {{ verificationUpdated(id: $id, after: 0) {{ verification {{ {ROW} }} events {{ version type }} }} }}"

REQUEST = {"firstName": "Jeanne", "lastName": "Moreau", "redirectionUrl": "https://shop.example/welcome"}


@dataclass(frozen=True, slots=True)
class Command:
    """A command that runs, and what it printed so far."""

    process: Process
    output: Path
    errors: Path

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for something that the command brings about; its end is an error."""
        async with asyncio.timeout(READY_SECONDS):
            while not holds():
                assert self.process.returncode is None, f"it ended with {self.process.returncode}: {self.errors.read_text()}"
                await asyncio.sleep(0.05)

    async def ready(self, url: str) -> None:
        """Wait until the gateway serves there."""
        async with httpx2.AsyncClient(trust_env=False) as client, asyncio.timeout(READY_SECONDS):
            while not await answers(client, f"{url}/readyz", 200):
                assert self.process.returncode is None, f"it ended with {self.process.returncode}: {self.errors.read_text()}"
                await asyncio.sleep(0.05)

    async def ended(self) -> int:
        """The status that it exits with by itself."""
        return await asyncio.wait_for(self.process.wait(), READY_SECONDS)

    async def end(self, number: signal.Signals) -> int:
        """End it as a terminal does, with all of its process group; the status that it exits with, soon."""
        os.killpg(self.process.pid, number)
        return await asyncio.wait_for(self.process.wait(), END_SECONDS)


@asynccontextmanager
async def running(place: Path, *arguments: str | Path, **environment: str) -> AsyncIterator[Command]:
    """The command `gateway`, for as long as the context lasts, with nothing of the tests' own settings."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    output, errors = place / "output", place / "errors"
    with output.open("wb") as stdout, errors.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway", *map(str, arguments)),
            cwd=place,
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
    """The gateway, as the bearer of a token speaks to it."""

    url: str
    token: str

    async def ask(self, query: str, **variables: Any) -> Any:
        """The value of an operation's only field."""
        headers = {"authorization": f"Bearer {self.token}"}
        async with httpx2.AsyncClient(trust_env=False, timeout=30) as client:
            answer = (await client.post(f"{self.url}/graphql", json={"query": query, "variables": variables}, headers=headers)).json()
        assert "errors" not in answer, answer["errors"]
        return next(iter(answer["data"].values()))

    @asynccontextmanager
    async def updates(self, id: str) -> AsyncIterator[ClientConnection]:
        """A socket on which a verification is followed from its first version on."""
        websocket = f"{self.url.replace('http', 'ws', 1)}/graphql"
        async with connect(websocket, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None) as socket:
            await socket.send(json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {self.token}"}}))
            assert json.loads(await socket.recv()) == {"type": "connection_ack"}
            await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": UPDATES, "variables": {"id": id}}}))
            yield socket


async def next_update(socket: ClientConnection) -> dict[str, Any]:
    """What comes next on such a socket."""
    async with asyncio.timeout(READY_SECONDS):
        message = json.loads(await socket.recv())
    assert message["type"] == "next", message
    update: dict[str, Any] = message["payload"]["data"]["verificationUpdated"]
    return update


async def answers(client: httpx2.AsyncClient, url: str, status: int) -> bool:
    """Whether there is an answer with this status."""
    try:
        return (await client.get(url)).status_code == status
    except httpx2.TransportError:
        return False


async def eventually(holds: Callable[[], bool], seconds: float) -> bool:
    """Whether it comes true in time."""
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    return holds()
