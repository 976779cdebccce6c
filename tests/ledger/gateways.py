"""Two gateway processes, configured as in a deployment. Each is behind a proxy."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx2

from domain.caller import Scope
from gateway.callers.tokens import Tokens, Trust
from store.verifications import utc_now
from tests.ledger.process import PATIENCE_SECONDS, Process
from tests.ledger.proxy import HOST, Proxies
from tests.serving import ACME, ISSUER, KEYS

NAMES = ("gateway-1", "gateway-2")
SCOPES = [Scope.READ, Scope.WRITE, Scope.REPORT, Scope.SENSITIVE]


class Gateway:
    """One gateway process. Clients connect to its proxy (`url`), or to the gateway itself (`direct_url`)."""

    def __init__(self, name: str, port: int, proxy: int, process: Process) -> None:
        self.name = name
        self.port = port
        self.process = process
        self.url = f"http://{HOST}:{proxy}"
        self.direct_url = f"http://{HOST}:{port}"

    async def ready(self) -> None:
        """Wait until the gateway reports that it is ready. Raises: TimeoutError."""
        async with asyncio.timeout(PATIENCE_SECONDS), httpx2.AsyncClient(trust_env=False, timeout=2) as client:
            while True:
                try:
                    if (await client.get(f"{self.direct_url}/readyz")).is_success:
                        return
                except httpx2.HTTPError:
                    pass
                await asyncio.sleep(0.1)


def environment(mongo_uri: str, port: int, link_window_seconds: float) -> dict[str, str]:
    """The settings of a gateway, as environment variables. Intervals are shorter than the defaults, so that more happens in a run."""
    return {
        "GATEWAY_MONGO_URI": mongo_uri,
        **{f"GATEWAY_{name.upper()}": key for name, key in KEYS.items()},
        "GATEWAY_TOKEN_ISSUER": ISSUER,
        "GATEWAY_PROVIDER": "sandbox",
        "GATEWAY_ALLOW_SANDBOX": "true",
        "GATEWAY_PUBLIC_URL": f"http://{HOST}:{port}",
        "GATEWAY_PORT": str(port),
        "GATEWAY_LINK_WINDOW_SECONDS": str(link_window_seconds),
        "GATEWAY_SWEEP_SECONDS": "1",
        "GATEWAY_REQUEST_SECONDS": "8",
        "GATEWAY_DATABASE_SECONDS": "6",
    }


def token(ttl: timedelta = timedelta(hours=24)) -> str:
    """A new token with all scopes that the writers and the subscribers need."""
    return Tokens(Trust(KEYS["token_key"], issuer=ISSUER), [KEYS["signing_key"]], utc_now).token("ledger", ACME, SCOPES, ttl)


@asynccontextmanager
async def running(directory: Path, proxies: Proxies, mongo_uri: str, link_window_seconds: float, planted: str | None) -> AsyncIterator[list[Gateway]]:
    """Start two gateways, wait until they are ready, and kill them at the end of the context.

    `planted`: the name of a bug that both gateways have (see planted.py); None: no bug.
    """
    module = ["gateway", "serve"] if planted is None else ["tests.ledger.planted", planted]
    gateways = []
    for name in NAMES:
        port = proxies.targets[name]
        process = Process([sys.executable, "-m", *module], directory / f"{name}.log", environment(mongo_uri, port, link_window_seconds))
        gateways.append(Gateway(name, port, proxies.ports[name], process))
    try:
        for gateway in gateways:
            gateway.process.start()
        for gateway in gateways:
            await gateway.ready()
        yield gateways
    finally:
        for gateway in gateways:
            await gateway.process.kill()
