"""Takes verifications through whole lives over the public API, with a backend that receives their webhooks."""

import asyncio
from asyncio import StreamReader, StreamWriter
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bench.machinery import WORKSPACE, Served, created, execute, http_client

AT_ONCE = 20
STEPS = ("LINK_OPENED", "CAPTURE_STARTED", "CAPTURE_COMPLETED")
PROGRESS = (
    "mutation($id: ID!, $step: Progress!) { reportProgress(input: {verificationId: $id, progress: $step}) { ... on Verification { version } } }"
)
RESULT = "mutation($id: ID!) { reportResult(input: {verificationId: $id, status: VERIFIED}) { ... on Verification { version } } }"
WAIT_SECONDS = 120.0
ACCEPTED = b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n"


class Backend:
    """A backend that accepts all webhooks, and counts them."""

    def __init__(self) -> None:
        self._count = 0
        self._arrived = asyncio.Condition()
        self._connections: dict[asyncio.Task[None], StreamWriter] = {}

    async def received(self, count: int) -> None:
        """Wait until this many webhooks have arrived. Raises: TimeoutError."""
        async with asyncio.timeout(WAIT_SECONDS), self._arrived:
            await self._arrived.wait_for(lambda: self._count >= count)

    async def close(self) -> None:
        """Close all connections."""
        for writer in self._connections.values():
            writer.close()
        await asyncio.gather(*self._connections)

    async def answer(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Answer the requests of one connection."""
        task = asyncio.current_task()
        assert task
        self._connections[task] = writer
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                await reader.readexactly(int(lengths[0].partition(b":")[2]))
                writer.write(ACCEPTED)
                async with self._arrived:
                    self._count += 1
                    self._arrived.notify_all()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@asynccontextmanager
async def backend(port: int) -> AsyncIterator[Backend]:
    """A context with a backend that runs on this port."""
    running = Backend()
    async with await asyncio.start_server(running.answer, "127.0.0.1", port):
        yield running
        await running.close()


def settings(port: int, folder: Path) -> Mapping[str, str]:
    """The settings with which a gateway sends the webhooks of the measured workspace to the backend on this port."""
    file = folder / "providers.toml"
    file.write_text(f'[{WORKSPACE}]\nprovider = "sandbox"\n[{WORKSPACE}.deliveries]\nurl = "http://127.0.0.1:{port}/"\nsecret_env = "HOOK_SECRET"\n')
    return {"GATEWAY_PROVIDERS_FILE": str(file), "HOOK_SECRET": f"whsec_{b64encode(bytes(range(32))).decode()}"}


async def lives(target: Served, number: int) -> int:
    """Take this many verifications from their creation to their outcome. Returns how many events they have."""
    slots = asyncio.Semaphore(AT_ONCE)
    async with http_client(target) as client:

        async def life() -> int:
            async with slots:
                id = await created(client)
                for step in STEPS:
                    await execute(client, PROGRESS, id=id, step=step)
                answer: dict[str, Any] = await execute(client, RESULT, id=id)
                version: int = answer["reportResult"]["version"]
                return version

        return sum(await asyncio.gather(*(life() for _ in range(number))))
