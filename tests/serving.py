"""Starts a gateway for a test: the whole application with the test's database, on a real server that listens on a free port."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2
from pydantic import SecretStr
from starlette.routing import BaseRoute

from domain.caller import Scope
from gateway import settings
from gateway.application import application, token_reader
from gateway.callers.tokens import Tokens
from gateway.process.traces import Traces
from gateway.server import Server, admin_socket, listening_socket
from gateway.settings import Settings
from gateway.transports.http_connection import Patience
from store.verifications import Clock, utc_now
from tests.storing import DATA_KEY

SIGNING_KEYS = {name: f"test-{name}-0123456789-abcdefghijkl" for name in ("token_key", "signing_key", "fingerprint_key")}
KEYS = {**SIGNING_KEYS, "data_keys": f"test:{b64encode(DATA_KEY).decode()}"}
ACME = "acme"
ISSUER = "https://issuer.example"
INTEGRATOR = (Scope.READ, Scope.WRITE, Scope.SENSITIVE)


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway, and an HTTP client with which a test sends requests to it."""

    url: str
    tokens: Tokens
    client: httpx2.AsyncClient

    @property
    def websocket(self) -> str:
        """The URL to which clients open WebSockets."""
        return f"{self.url.replace('http', 'ws', 1)}/graphql"

    def token(self, *scopes: Scope, workspace: str = ACME, ttl: timedelta = timedelta(hours=1)) -> str:
        """A new token with these scopes, or with the scopes of an integrator if none are given."""
        return self.tokens.token("tester", workspace, list(scopes or INTEGRATOR), ttl)

    async def post(self, query: str, variables: dict[str, Any] | None = None, token: str | None = None, **headers: str) -> httpx2.Response:
        """Send an operation as a POST request. Returns the HTTP response."""
        bearer = {"authorization": f"Bearer {token or self.token()}"}
        return await self.client.post("/graphql", json={"query": query, "variables": variables}, headers={**bearer, **headers})

    async def query(self, query: str, variables: dict[str, Any] | None = None, token: str | None = None) -> dict[str, Any]:
        """Execute an operation. Returns the data of the response. Fails the test if the response has errors."""
        response: dict[str, Any] = (await self.post(query, variables, token)).json()
        assert "errors" not in response, response["errors"]
        data: dict[str, Any] = response["data"]
        return data


def settings_for_tests(mongo_uri: str, port: int, **changed: Any) -> Settings:
    """The settings for a gateway in a test. `changed`: settings that differ from the defaults of tests."""
    # Higher limits than the defaults, and none for refused requests: all tests call from one address, many of them without a valid token, and they
    # send in a second what a frontend sends in a minute.
    generous = {"address_refusals_per_second": 0, "rate_cost_per_second": 5000, "rate_burst_cost": 20_000}
    defaults = {**KEYS, **generous, "provider": "sandbox", "public_url": f"http://127.0.0.1:{port}", "sweep_seconds": 0.2, "introspection": True}
    return settings.read_settings(defaults, mongo_uri=SecretStr(mongo_uri), port=port, **changed)


@asynccontextmanager
async def serving(
    mongo_uri: str,
    now: Clock = utc_now,
    unread_seconds: float = 30,
    pages: Sequence[BaseRoute] = (),
    patience: Patience | None = None,
    local: bool = False,
    ready: bool = True,
    traces: Traces | None = None,
    **changed: Any,
) -> AsyncIterator[Gateway]:
    """A context in which a gateway runs. `changed`: settings that differ from the defaults of tests.

    The context begins when the gateway is ready. If `ready` is False, it begins as soon as the gateway listens. `now`: the clock of the gateway.
    `unread_seconds`: after this time, the kernel closes the connection of a client that reads nothing. `patience`: the timeouts of connections.
    `pages`, `local`, `traces`: arguments of `application` in gateway/application.py.
    """
    with listening_socket("127.0.0.1", 0, unread_seconds) as bound, ExitStack() as stack:
        chosen = settings_for_tests(mongo_uri, bound.getsockname()[1], **changed)
        started = asyncio.Event()
        admin = stack.enter_context(admin_socket("127.0.0.1", chosen.admin_port))
        server = Server(application(chosen, pages, now, local, traces), started.set, patience, admin)
        task = asyncio.create_task(server.serve([bound]))
        try:
            await asyncio.wait({task, asyncio.create_task(started.wait())}, return_when=asyncio.FIRST_COMPLETED)
            url = f"http://127.0.0.1:{chosen.port}"
            async with httpx2.AsyncClient(base_url=url, timeout=30, trust_env=False) as client:
                readiness = f"http://127.0.0.1:{chosen.admin_port or chosen.port}/readyz"
                for _ in range(1500 if ready else 0):
                    # A gateway with a short idle time may close the client's connection just before it is used again.
                    with suppress(httpx2.ReadError, httpx2.RemoteProtocolError):
                        if (await client.get(readiness)).is_success:
                            break
                    await asyncio.sleep(0.02)
                yield Gateway(url, token_reader(chosen, now), client)
        finally:
            server.should_exit = True
            await task
