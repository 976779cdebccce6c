"""One run: starts a gateway behind one proxy, sends streams through the proxy, and compares what both saw."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import monotonic

from tests.ledger.process import PATIENCE_SECONDS, Process, free_port
from tests.smuggle.clients import send
from tests.smuggle.comparison import Comparison, compared
from tests.smuggle.proxies import Proxy, entries


async def through(
    proxy: Proxy, directory: Path, mongo_uri: str, seed: int, indices: Sequence[int], fault: str | None = None
) -> tuple[Comparison, float]:
    """Start a gateway behind a proxy, and send the streams with these indices through the proxy. `fault`: a key of FAULTS in gateway.py.

    Returns the comparison of the proxy's log with the gateway's records, and how many seconds the sending took.
    """
    async with gateway(directory, mongo_uri, fault), listening(proxy, directory) as port:
        began = monotonic()
        mixed_up = await send(port, seed, indices, (directory / "token").read_bytes())
        seconds = monotonic() - began
    comparison = compared(entries(directory), (directory / "records").read_bytes().splitlines())
    comparison.disagreements += mixed_up
    return comparison, seconds


@asynccontextmanager
async def gateway(directory: Path, mongo_uri: str, fault: str | None) -> AsyncIterator[None]:
    """Run a gateway in its own process for as long as the context lasts. The context begins when the gateway is ready."""
    command = [sys.executable, "-m", "tests.smuggle.gateway", mongo_uri, str(directory), *([fault] if fault else [])]
    process = Process(command, directory / "gateway.log")
    process.start()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (directory / "url").exists():
                assert process.id, (directory / "gateway.log").read_text()
                await asyncio.sleep(0.05)
        yield
    finally:
        await process.terminate()


@asynccontextmanager
async def listening(proxy: Proxy, directory: Path) -> AsyncIterator[int]:
    """Run a proxy for as long as the context lasts. The value is its port. At the end, the proxy finishes its open connections and its log."""
    port = free_port()
    command = proxy.prepared(directory, port, (directory / "url").read_text().removeprefix("http://"))
    process = Process(command, directory / ("entries" if proxy.name == "haproxy" else "nginx.log"))
    process.start()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not listens(port):
                assert process.id, f"{proxy.name} has ended: its log is in {directory}"
                await asyncio.sleep(0.02)
        yield port
        process.send(proxy.end)
        await process.ended()
    finally:
        await process.kill()


def listens(port: int) -> bool:
    """Whether a process listens on the port."""
    with socket.socket() as probe, suppress(OSError):
        probe.connect(("127.0.0.1", port))
        return True
    return False
