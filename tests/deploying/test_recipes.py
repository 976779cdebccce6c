"""Tests of the recipes in docs/deploying.md: nginx and HAProxy in front of two gateways."""

import asyncio
import re
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import orjson
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from gateway import server
from gateway.settings import Settings
from gateway.transports import sse
from tests.company import PERSON
from tests.deploying.recipes import HOST, PROXY_NAMES, RunningProxy, executable, proxy, recipe
from tests.serving import Gateway, serving
from tests.streams import Stream, streaming
from tests.wire import GENEROUS_SECONDS, PROTOCOL, Wire

CREATE = "mutation($input: CreateVerificationInput!) { createVerification(input: $input) { ... on Verification { id } } }"
FEED = "subscription { verificationsUpdated { verification { id } } }"
# For each proxy: texts of its recipe, and the same texts with times for which a test can wait. PAUSE_SECONDS is longer than these times. During the
# pause, the gateway sends pings and comments every 0.3 s.
SHORT_TIMES = {
    "nginx": {"keepalive_timeout 60s": "keepalive_timeout 1s", "proxy_read_timeout 60s": "proxy_read_timeout 5s"},
    "haproxy": {"pool-purge-delay 5s": "pool-purge-delay 1s", "timeout server 60s": "timeout server 5s", "timeout tunnel 60s": "timeout tunnel 5s"},
}
PAUSE_SECONDS = 7
# The settings of a gateway behind a proxy.
BEHIND: dict[str, Any] = {"trusted_proxies": "127.0.0.1", "public_url": f"https://{HOST}"}


class Deployment:
    """Two gateways behind a proxy."""

    def __init__(self, running: RunningProxy, gateways: tuple[Gateway, Gateway]) -> None:
        self.running = running
        self.gateways = gateways

    @asynccontextmanager
    async def client(self, address: str = "127.0.0.1") -> AsyncIterator[Gateway]:
        """A client with this IP address. It is a `Gateway` whose requests go through the proxy."""
        transport = httpx2.AsyncHTTPTransport(verify=self.running.trust, local_address=address)
        async with httpx2.AsyncClient(base_url=self.running.url, transport=transport, timeout=GENEROUS_SECONDS) as client:
            yield replace(self.gateways[0], url=self.running.url, client=client)

    @asynccontextmanager
    async def socket(self, address: str = "127.0.0.1") -> AsyncIterator[Wire]:
        """A WebSocket through the proxy, from this IP address."""
        url = f"{self.running.url.replace('https', 'wss')}/graphql"
        async with connect(url, subprotocols=[PROTOCOL], ssl=self.running.trust, local_addr=(address, 0), proxy=None) as connection:
            yield Wire(connection)


@asynccontextmanager
async def deployed(
    name: str, database_uri: str, directory: Path, changed: dict[str, str] | None = None, **settings: Any
) -> AsyncIterator[Deployment]:
    """Run two gateways behind a proxy. `changed`: texts of the recipe that are replaced. `settings`: further settings of both gateways."""
    executable(name)
    async with AsyncExitStack() as stack:
        one, two = [await stack.enter_async_context(serving(database_uri, **BEHIND, **settings)) for _ in range(2)]
        ports = urlsplit(one.url).port or 0, urlsplit(two.url).port or 0
        running = await stack.enter_async_context(proxy(name, directory, ports, changed))
        yield Deployment(running, (one, two))


@pytest.fixture(params=PROXY_NAMES)
async def deployment(request: pytest.FixtureRequest, database_uri: str, tmp_path: Path) -> AsyncIterator[Deployment]:
    """Two gateways behind a proxy. Each test runs once with each proxy."""
    async with deployed(request.param, database_uri, tmp_path, max_sockets_per_address=2) as running:
        yield running


async def created(client: Gateway) -> str:
    """Create a verification. Returns its id."""
    id: str = (await client.query(CREATE, {"input": PERSON}))["createVerification"]["id"]
    return id


async def following(wire: Wire, client: Gateway) -> None:
    """Subscribe to the feed, and wait for its first message."""
    await wire.begin(client.token())
    await wire.subscribe("1", FEED)
    assert (await wire.hear())["type"] == "next"


async def arrives(wire: Wire, stream: Stream, id: str) -> None:
    """Check that a socket and an event stream receive a new verification."""
    expected = {"data": {"verificationsUpdated": {"verification": {"id": id}}}}
    assert (await wire.hear())["payload"] == expected
    assert (await stream.next())[1] == expected


async def test_requests_sockets_and_event_streams_pass(deployment: Deployment) -> None:
    async with deployment.client() as client, deployment.socket() as wire, streaming(client, client.token(), FEED) as stream:
        await following(wire, client)
        await stream.next()

        await arrives(wire, stream, await created(client))

        bearer = {"authorization": f"Bearer {client.token()}"}
        for method in ("GET", "HEAD"):
            assert (await client.client.request(method, "/graphql", params={"query": "{ me { subject } }"}, headers=bearer)).status_code == 200
        packed = await client.client.get("/graphql", params={"query": "{ reasonCodes { description } }"}, headers={**bearer, "accept-encoding": "br"})
        assert packed.headers["content-encoding"] == "br"
        assert (await client.client.get("/graphql", headers={"x-long": "x" * 30_000})).status_code == 401
        assert (await client.client.post("/graphql", content=b" " * 300_000, headers=bearer)).status_code == 413


async def test_probes_and_metrics_are_hidden(deployment: Deployment) -> None:
    async with deployment.client() as client:
        for path in ("/livez", "/readyz", "/healthz", "/metrics", "/%6civez"):
            assert (await client.client.get(path)).status_code == 404
        assert (await client.client.get("/nowhere")).status_code == 404
    assert (await deployment.gateways[0].client.get("/readyz")).status_code == 200


async def admitted(deployment: Deployment, stack: AsyncExitStack, address: str, **headers: str) -> int:
    """Open an event stream from this address, which stays open until the stack is closed. Returns the status of the response."""
    client = await stack.enter_async_context(deployment.client(address))
    stream = await stack.enter_async_context(streaming(client, client.token(), FEED, headers=headers))
    return stream.response.status_code


async def test_limits_are_those_of_the_address_of_the_client(deployment: Deployment) -> None:
    """Each of the two gateways admits two connections of an address. So an address has two to four, depending on which gateway the proxy chooses."""
    async with AsyncExitStack() as stack:
        statuses = [await admitted(deployment, stack, "127.0.0.2") for _ in range(8)]
        assert 2 <= statuses.count(200) <= 4
        while await admitted(deployment, stack, "127.0.0.2") == 200:
            pass

        forged = [await admitted(deployment, stack, "127.0.0.2", **{"x-forwarded-for": f"198.51.100.{number}"}) for number in range(4)]
        others = [await admitted(deployment, stack, f"127.0.0.{number}") for number in range(3, 7)]

        assert forged.count(200) <= 2, "a client can't choose its address"
        assert others == [200] * 4
        wire = await stack.enter_async_context(deployment.socket("127.0.0.9"))
        await wire.begin(deployment.gateways[0].token())


@pytest.mark.parametrize("name", PROXY_NAMES)
async def test_quiet_connections_outlast_the_times_of_the_proxy(
    name: str, database_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "PING_SECONDS", 0.3)
    monkeypatch.setattr(sse, "COMMENT_SECONDS", 0.3)
    async with deployed(name, database_uri, tmp_path, SHORT_TIMES[name]) as deployment, AsyncExitStack() as stack:
        client, wire = await stack.enter_async_context(deployment.client()), await stack.enter_async_context(deployment.socket())
        stream = await stack.enter_async_context(streaming(client, client.token(), FEED))
        await following(wire, client)
        await stream.next()
        await client.query("{ me { subject } }")

        await asyncio.sleep(PAUSE_SECONDS)

        await arrives(wire, stream, await created(client))


@pytest.mark.parametrize("name", PROXY_NAMES)
def test_the_times_of_a_recipe_fit_those_of_the_gateway(name: str) -> None:
    seconds = {key: int(value) for key, value in re.findall(r"(\w+(?:[ -]\w+)*) (\d+)s\b", recipe(name))}
    kept = {"nginx": "keepalive_timeout", "haproxy": "pool-purge-delay"}[name]
    quiet = {"nginx": ["proxy_read_timeout"], "haproxy": ["timeout client", "timeout server", "timeout tunnel"]}[name]
    defaults = Settings.model_fields

    assert next(value for key, value in seconds.items() if key.endswith(kept)) < defaults["idle_seconds"].default
    assert min(seconds[key] for key in quiet) > 2 * max(server.PING_SECONDS, sse.COMMENT_SECONDS, defaults["request_seconds"].default / 2)


async def operations(gateway: Gateway) -> float:
    """How many queries the gateway has executed."""
    metrics = (await gateway.client.get("/metrics")).text
    found = re.search(r'^gateway_operation_seconds_count\{operation="\(other\)",type="query"\} (\S+)$', metrics, re.MULTILINE)
    return float(found[1]) if found else 0.0


async def replaced(deployment: Deployment, one: Gateway, two: Gateway) -> None:
    """Let the proxy send requests to these gateways instead, and wait until the gateway `one` has executed a query. No request may fail meanwhile."""
    deployment.running.reload((urlsplit(one.url).port or 0, urlsplit(two.url).port or 0))
    async with asyncio.timeout(GENEROUS_SECONDS):
        while not await operations(one):
            async with deployment.client() as another:
                await another.query("{ me { subject } }")


async def test_a_reload_loses_no_request_and_ends_no_socket_or_event_stream(deployment: Deployment, database_uri: str) -> None:
    async with AsyncExitStack() as stack:
        client, wire = await stack.enter_async_context(deployment.client()), await stack.enter_async_context(deployment.socket())
        stream = await stack.enter_async_context(streaming(client, client.token(), FEED))
        await following(wire, client)
        await stream.next()
        newer = await stack.enter_async_context(serving(database_uri, **BEHIND))

        await replaced(deployment, newer, newer)

        await arrives(wire, stream, await created(client))


async def test_event_streams_pass_over_http_2(deployment: Deployment) -> None:
    """Browsers need HTTP/2 for many event streams from one server, because only HTTP/2 carries several of them on one connection."""
    arguments = ["--silent", "--no-buffer", "--include", "--http2", "--cacert", deployment.running.directory / "certificate", "--noproxy", "*"]
    headers = {"authorization": f"Bearer {deployment.gateways[0].token()}", "accept": "text/event-stream", "content-type": "application/json"}
    options = [part for name, value in headers.items() for part in ("--header", f"{name}: {value}")]
    content = orjson.dumps({"query": FEED}).decode()
    command = [executable("curl"), *arguments, *options, "--data", content, f"{deployment.running.url}/graphql"]
    process = await asyncio.create_subprocess_exec(*map(str, command), stdout=PIPE)
    assert process.stdout
    try:
        async with asyncio.timeout(GENEROUS_SECONDS):
            assert (await process.stdout.readline()).startswith(b"HTTP/2 200")
            await process.stdout.readuntil(b"event: next")
            id = await created(deployment.gateways[0])
            assert id.encode() in await process.stdout.readuntil(b"}}}\n\n") + await process.stdout.readuntil(b"}}}\n\n")
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def test_a_gateway_that_ends_is_replaced_by_the_other_one(deployment: Deployment, database_uri: str) -> None:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(deployment.client())
        async with serving(database_uri, **BEHIND) as leaving:
            await replaced(deployment, leaving, deployment.gateways[0])
            wire = await stack.enter_async_context(deployment.socket())
            with suppress(ConnectionClosed):
                await following(wire, client)

        for _ in range(20):
            await client.query("{ me { subject } }")
