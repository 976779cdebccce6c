"""A balancer of layer 4, as clouds and Kubernetes have: it checks `/readyz`, spreads connections over the gateways that are ready, and never retries.

nginx and HAProxy try another gateway if one refuses the connection. So they hide what happens if a process ends while requests are still sent to it.
Behind this balancer, such a request fails.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import count

import httpx2

from tests.ledger.gateways import Gateway
from tests.ledger.proxy import HOST

CHECK_SECONDS = 1.0
CHUNK_BYTES = 65_536


class Balancer:
    """Forwards each connection to one of the gateways that were ready at the last check."""

    def __init__(self, gateways: Sequence[Gateway]) -> None:
        self._gateways = gateways
        self._ready = [*gateways]
        self._numbers = count()

    async def check_regularly(self) -> None:
        """Check which gateways are ready, until cancelled. One check that fails withdraws a gateway; one that succeeds admits it again."""
        async with httpx2.AsyncClient(trust_env=False, timeout=CHECK_SECONDS) as client:
            while True:
                answers = await asyncio.gather(*(self._is_ready(client, gateway) for gateway in self._gateways))
                self._ready = [gateway for gateway, ready in zip(self._gateways, answers, strict=True) if ready]
                await asyncio.sleep(CHECK_SECONDS)

    async def _is_ready(self, client: httpx2.AsyncClient, gateway: Gateway) -> bool:
        try:
            return (await client.get(f"{gateway.direct_url}/readyz")).is_success
        except httpx2.HTTPError:
            return False

    async def forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection. If no gateway is ready, or the chosen one refuses, the connection is closed."""
        with suppress(OSError, ZeroDivisionError, BaseExceptionGroup):
            gateway = self._ready[next(self._numbers) % len(self._ready)]
            back, forth = await asyncio.open_connection(HOST, int(gateway.direct_url.rpartition(":")[2]))
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(pumped(reader, forth))
                pumps.create_task(pumped(back, writer))
        writer.close()


async def pumped(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Forward data in one direction, until the sender closes its side. Then the other side is closed too."""
    try:
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
    finally:
        writer.close()


@asynccontextmanager
async def balancing(gateways: Sequence[Gateway]) -> AsyncIterator[str]:
    """A context in which a balancer runs in front of these gateways, which are ready. Yields its URL."""
    balancer = Balancer(gateways)
    checking = asyncio.create_task(balancer.check_regularly())
    try:
        async with await asyncio.start_server(balancer.forward, HOST, 0) as server:
            yield f"http://{HOST}:{server.sockets[0].getsockname()[1]}"
            server.close()
    finally:
        checking.cancel()
        await asyncio.gather(checking, return_exceptions=True)
