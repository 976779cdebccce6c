"""The parts that the benchmarks share: starting a gateway process with its own MongoDB, and clients that send it requests."""

import asyncio
import gc
import os
import secrets
import subprocess
import sys
import tempfile
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from socket import create_server
from typing import IO, Any

import httpx2
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from bench.processors import pinned
from domain.caller import Caller, Scope
from gateway.callers.tokens import Tokens, Trust
from gateway.development.mongod import EmbeddedMongo
from store.sealing import SealingKeys
from store.verifications import utc_now

WORKSPACE = "bench"
ISSUER = "https://issuer.example"
SCOPES = [Scope.READ, Scope.WRITE, Scope.REPORT, Scope.SENSITIVE]
CREATE = (
    'mutation { createVerification(input: {firstName: "Ada", lastName: "Lovelace", redirectionUrl: "https://example.com"}) { ... on Node { id } } }'
)


# Settings with limits that are too high to be reached, although most load comes from one address and one subject. The gateway still checks them.
UNREACHED_LIMITS: Mapping[str, str] = {
    **dict.fromkeys(("GATEWAY_RATE_COST_PER_SECOND", "GATEWAY_RATE_BURST_COST"), "1000000000"),
    **dict.fromkeys(("GATEWAY_MAX_SOCKETS", "GATEWAY_MAX_SOCKETS_PER_ADDRESS", "GATEWAY_MAX_SOCKETS_PER_SUBJECT"), "1000000"),
}


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secret keys of a gateway that is measured. They sign tokens, compute fingerprints of inputs, and encrypt personal data."""

    token_key: str = field(default_factory=lambda: secrets.token_urlsafe(36))
    signing_key: str = field(default_factory=lambda: secrets.token_urlsafe(36))
    fingerprint_key: str = field(default_factory=lambda: secrets.token_urlsafe(36))
    data_key: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    @property
    def environment(self) -> dict[str, str]:
        """The keys as environment variables of the gateway."""
        return {
            "GATEWAY_TOKEN_KEY": self.token_key,
            "GATEWAY_SIGNING_KEY": self.signing_key,
            "GATEWAY_FINGERPRINT_KEY": self.fingerprint_key,
            "GATEWAY_DATA_KEYS": f"{WORKSPACE}:{b64encode(self.data_key).decode()}",
        }

    @property
    def sealing(self) -> SealingKeys:
        """The keys that encrypt personal data, as an object for the functions of `store`."""
        return SealingKeys({WORKSPACE: self.data_key})

    def token(self, workspace: str = WORKSPACE, subject: str = "bench") -> str:
        """A new token that the gateway accepts for four hours, with all scopes in the workspace."""
        return self._tokens.token(subject, workspace, SCOPES, timedelta(hours=4))

    def follow_token(self, chain: str) -> str:
        """A new token with which the person of this chain can follow it for an hour."""
        return self._tokens.follow_token(Caller("bench", WORKSPACE, frozenset(SCOPES)), chain, timedelta(hours=1)).token

    @property
    def _tokens(self) -> Tokens:
        return Tokens(Trust(self.token_key, issuer=ISSUER), [self.signing_key], utc_now)


@dataclass(frozen=True, slots=True)
class Served:
    """A running server that is measured. `token` is empty for peers, because they do not check tokens."""

    url: str
    token: str
    process: subprocess.Popen[bytes]
    mongo_uri: str

    @property
    def headers(self) -> dict[str, str]:
        """The headers that every request to this server needs."""
        authorization = {"authorization": f"Bearer {self.token}"} if self.token else {}
        return {**authorization, "content-type": "application/json"}

    @property
    def cpu_seconds(self) -> float:
        """The processor time in seconds that all threads of the process have used so far."""
        return cpu_seconds_of(self.process.pid)

    @property
    def resident_bytes(self) -> int:
        """How many bytes of memory the process uses now (its resident set)."""
        return resident_bytes_of(self.process.pid)


def cpu_seconds_of(process_id: int) -> float:
    """The processor time in seconds that all running threads of a process have used so far."""
    threads = Path(f"/proc/{process_id}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def resident_bytes_of(process_id: int) -> int:
    """How many bytes of memory a process uses now (its resident set)."""
    pages = int(Path(f"/proc/{process_id}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def served() -> Iterator[Served]:
    """Start an embedded MongoDB and a `gateway serve`, and stop both at the end of the context."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedMongo(Path(folder)) as mongo, gateway(mongo.uri, Secrets()) as running:
        yield running


@contextmanager
def gateway(mongo_uri: str, keys: Secrets, processors: list[int] | None = None, limits: Mapping[str, str] = UNREACHED_LIMITS) -> Iterator[Served]:
    """Start `gateway serve` on this database, with settings as in production, and stop it at the end of the context. Waits until it is ready.

    `processors`: the processors on which the gateway may run. None: all. `limits`: settings of the gateway's limits. All others have their defaults.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    chosen = {
        "GATEWAY_MONGO_URI": mongo_uri,
        "GATEWAY_PORT": str(port),
        "GATEWAY_PUBLIC_URL": url,
        "GATEWAY_PROVIDER": "sandbox",
        "GATEWAY_ALLOW_SANDBOX": "true",
        "GATEWAY_TOKEN_ISSUER": ISSUER,
        # The deadline of a link that is opened during a measurement must not pass before the end of the measurement.
        "GATEWAY_LINK_WINDOW_SECONDS": "86400",
    }
    command = [sys.executable, "-m", "gateway", "serve"]
    with running(command if processors is None else pinned(command, processors), keys.environment | chosen | dict(limits)) as process:
        asyncio.run(ready(f"{url}/readyz"))
        yield Served(url, keys.token(), process, mongo_uri)


@asynccontextmanager
async def existing_objects_frozen() -> AsyncIterator[None]:
    """Inside this context, Python's garbage collection ignores all objects that existed before. Otherwise its pauses would be part of the figures."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def free_port() -> int:
    """The number of a port on which no process listens now, for a server to be started."""
    with create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


@contextmanager
def running(command: list[str], environment: dict[str, str], stdout: IO[str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Start this command, and terminate its process at the end of the context. `stdout`: the file to which its output is written."""
    process = subprocess.Popen(command, env=os.environ | environment, stdout=stdout, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def ready(url: str) -> None:
    """Wait until the server answers requests for this address with a status below 500. Raises: SystemExit after about a minute."""
    async with httpx2.AsyncClient(trust_env=False) as client:
        for _ in range(1200):
            try:
                if (await client.get(url)).status_code < 500:
                    return
            except httpx2.HTTPError:
                pass
            await asyncio.sleep(0.05)
    raise SystemExit(f"{url} did not answer")


@asynccontextmanager
async def http_client(served: Served) -> AsyncIterator[httpx2.AsyncClient]:
    """An HTTP client for requests to this server."""
    # The client closes idle connections earlier than the server does. Otherwise, it would sometimes use a connection that the server is closing.
    limits = httpx2.Limits(max_connections=64, max_keepalive_connections=64, keepalive_expiry=2)
    async with httpx2.AsyncClient(base_url=served.url, headers=served.headers, limits=limits, timeout=60, trust_env=False) as client:
        yield client


async def execute(client: httpx2.AsyncClient, query: str, **variables: Any) -> Any:
    """Send a GraphQL operation. Returns the data of the response. Raises: SystemExit if the response contains errors."""
    answer = orjson.loads((await client.post("/graphql", content=orjson.dumps({"query": query, "variables": variables}))).content)
    if "errors" in answer:
        raise SystemExit(f"unexpected errors: {answer['errors']}")
    return answer["data"]


async def created(client: httpx2.AsyncClient) -> str:
    """Create a verification through the API. Returns the id."""
    id: str = (await execute(client, CREATE))["createVerification"]["id"]
    return id


async def subscribed(served: Served, query: str, **variables: Any) -> ClientConnection:
    """Open a WebSocket, subscribe, and wait for the first message of the subscription. Returns the socket."""
    address = f"{served.url.replace('http', 'ws', 1)}/graphql"
    socket = await connect(address, subprotocols=[Subprotocol("graphql-transport-ws")], compression=None, ping_interval=None, max_queue=None)
    await socket.send(orjson.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {served.token}"}}).decode())
    await socket.recv()
    message = {"type": "subscribe", "id": "1", "payload": {"query": query, "variables": variables}}
    await socket.send(orjson.dumps(message).decode())
    await socket.recv()
    return socket


def percentile(values: list[float], share: float) -> float:
    """The value that is greater than this share of the values: with 0.99, the 99th percentile."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
