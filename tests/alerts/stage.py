"""What the scenarios use: MongoDB, gateways, a provider, a backend, a token issuer, and Prometheus."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx2
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from domain.caller import Scope
from gateway.callers.tokens import Tokens, Trust
from store.verifications import utc_now
from tests.alerts.prometheus import HOST, Prometheus, answering
from tests.fakes.receiver import RECEIVER_SECRET, Receiver
from tests.fakes.yousign import UNOBSERVED, FakeYousign, providers_file
from tests.ledger.cluster import Cluster
from tests.ledger.process import Process, free_port
from tests.ledger.proxy import Proxies
from tests.serving import ACME, ISSUER, KEYS

PERSON = {"firstName": "Ada", "lastName": "Lovelace", "redirectionUrl": "https://shop.example/done"}
CREATE = (
    "mutation($input: CreateVerificationInput!) { answer: createVerification(input: $input) "
    "{ ... on Verification { id provider { id } } ... on Refusal { code } } }"
)
STARTED = "query($id: ID!) { answer: verification(id: $id) { id provider { id } } }"
READ = "query($id: ID!) { answer: verification(id: $id) { id version status declaredIdentity { lastName } } }"
LIST = "query { answer: verifications(first: 5) { edges { node { id } } } }"
SCOPES = [Scope.READ, Scope.WRITE, Scope.REPORT, Scope.SENSITIVE]
READ_PAUSE_SECONDS = 0.1
# The gateways of these tests query each pending verification every five seconds, so they need many queries.
GREAT_BUDGET = {"reads_per_minute": 10_000, "reads_per_hour": 100_000}
Document = dict[str, Any]


@dataclass(slots=True)
class RunningGateway:
    """A gateway process. `settings`: its environment variables. `module`: the Python module that is run."""

    name: str
    module: str
    port: int
    settings: dict[str, str]
    log: Path
    client: httpx2.AsyncClient
    process: Process = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Start a process with the present settings."""
        self.process = Process([sys.executable, "-m", self.module, "serve"], self.log, self.settings)
        self.process.start()

    @property
    def url(self) -> str:
        """The URL of the gateway."""
        return f"http://{HOST}:{self.port}"

    @property
    def labels(self) -> dict[str, str]:
        """The label that Prometheus gives to the metrics of this process."""
        return {"instance": f"{HOST}:{self.port}"}

    async def ready(self) -> None:
        """Wait until the gateway is ready. Raises: RuntimeError if it has ended."""
        await answering(f"{self.url}/readyz", self.client, lambda: self.process.id != 0)

    async def restart(self, **changed: str) -> None:
        """Stop the process, and start it again with changed settings."""
        await self.process.terminate()
        self.settings.update(changed)
        self.start()
        await self.ready()

    async def post(self, query: str, bearer: str | None = None, **variables: Any) -> dict[str, Any]:
        """Execute an operation. Returns the whole response."""
        headers = {"authorization": f"Bearer {bearer or token()}"}
        response = await self.client.post(f"{self.url}/graphql", json={"query": query, "variables": variables}, headers=headers)
        answer: dict[str, Any] = response.json()
        return answer

    async def execute(self, query: str, **variables: Any) -> Any:
        """Execute an operation. Returns the value of its field. Raises: AssertionError if the response has errors."""
        response = await self.post(query, **variables)
        assert "errors" not in response, response
        return response["data"]["answer"]

    async def created(self, **changed: Any) -> tuple[str, str]:
        """Create a verification. Returns its id, and its id at the provider as soon as it is started there."""
        created = await self.execute(CREATE, input={**PERSON, **changed})
        async with asyncio.timeout(60):
            while not created["provider"]["id"]:
                await asyncio.sleep(0.2)
                created = await self.execute(STARTED, id=created["id"])
        return created["id"], created["provider"]["id"]

    async def read_regularly(self) -> None:
        """Send queries until cancelled. Errors are of no interest here: the metrics count them."""
        while True:
            with suppress(httpx2.HTTPError, ValueError):
                await self.post(LIST)
            await asyncio.sleep(READ_PAUSE_SECONDS)


@dataclass(slots=True)
class Stage:
    """Everything that the scenarios of a run share.

    `cluster`: a replica set with three members and users, for the gateway `clustered`. The other gateways use one MongoDB at `mongo_uri`: `provided`
    has a provider and a backend, `plain` reaches MongoDB through a proxy of `network`.
    """

    directory: Path
    prometheus: Prometheus
    client: httpx2.AsyncClient
    mongo: "AsyncMongoClient[Document]"
    mongo_uri: str
    cluster: Cluster
    network: Proxies
    fake: FakeYousign
    receiver: Receiver
    gateways: dict[str, RunningGateway] = field(default_factory=dict)

    def database(self, name: str) -> "AsyncDatabase[Document]":
        """The database of a gateway, for reads and writes without the gateway. Only for gateways that use `mongo_uri`, so not for `clustered`."""
        return self.mongo[f"alerts-{name}"]

    def uri(self, name: str, port: int | None = None) -> str:
        """The URI of a gateway's database. `port`: the port of a proxy in front of MongoDB; None: no proxy."""
        parts = urlsplit(self.mongo_uri)
        host = parts.netloc if port is None else f"{HOST}:{port}"
        return urlunsplit(parts._replace(netloc=host, path=f"/alerts-{name}"))

    async def start(self, name: str, mongo_uri: str, *, module: str = "gateway", ready: bool = True, **settings: str) -> RunningGateway:
        """Start a gateway, and let Prometheus read its metrics. It ends with the stage."""
        port = free_port()
        chosen = {**settings_of(mongo_uri, port), **settings}
        gateway = self.gateways[name] = RunningGateway(name, module, port, chosen, self.directory / f"{name}.log", self.client)
        if ready:
            await gateway.ready()
        self.prometheus.scrape(port)
        return gateway

    def begin_command(self, gateway: RunningGateway, *arguments: str) -> Process:
        """Begin a command `gateway …` with the settings of a gateway. Its output is in the file `command-COMMAND-GATEWAY.log`."""
        log = self.directory / f"command-{arguments[0]}-{gateway.name}.log"
        log.unlink(missing_ok=True)
        process = Process([sys.executable, "-m", "gateway", *arguments], log, gateway.settings)
        process.start()
        return process

    async def command(self, gateway: RunningGateway, *arguments: str) -> tuple[int, str]:
        """Run a command `gateway …` with the settings of a gateway. Returns its exit status and its output."""
        process = self.begin_command(gateway, *arguments)
        await process.ended()
        return process.status or 0, (self.directory / f"command-{arguments[0]}-{gateway.name}.log").read_text()

    async def end(self) -> None:
        """End all gateways."""
        await asyncio.gather(*(gateway.process.kill() for gateway in self.gateways.values()))

    def sections(self, key: str | None = None, **budget: int) -> Path:
        """Write the providers file of `provided`. `key`: a wrong API key; None: the right one. `budget`: limits for queries."""
        (self.directory / "hook-secret").write_text(RECEIVER_SECRET)
        values = "".join(f"{name} = {value}\n" for name, value in (GREAT_BUDGET | budget).items())
        more = f'{UNOBSERVED}{values}[{ACME}.deliveries]\nurl = "{self.receiver.url}"\nsecret_file = "hook-secret"\n'
        path = providers_file(self.directory, self.fake, more=more)
        if key:
            (self.directory / "api-key").write_text(key)
        return path


@asynccontextmanager
async def repeated(work: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """A context in which the function `work` is called again and again."""

    async def repeat() -> None:
        while True:
            await work()

    task = asyncio.create_task(repeat())
    try:
        yield
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def settings_of(mongo_uri: str, port: int) -> dict[str, str]:
    """The settings of a gateway, as environment variables. Its chores run every second."""
    return {
        "GATEWAY_MONGO_URI": mongo_uri,
        **{f"GATEWAY_{name.upper()}": key for name, key in KEYS.items()},
        "GATEWAY_TOKEN_ISSUER": ISSUER,
        "GATEWAY_PROVIDER": "sandbox",
        "GATEWAY_ALLOW_SANDBOX": "true",
        "GATEWAY_PUBLIC_URL": f"http://{HOST}:{port}",
        "GATEWAY_PORT": str(port),
        "GATEWAY_SWEEP_SECONDS": "1",
        "GATEWAY_RECONCILE_SECONDS": ",".join(map(str, range(5, 600, 5))),
        "GATEWAY_RATE_COST_PER_SECOND": "0",
        "GATEWAY_ADDRESS_REFUSALS_PER_SECOND": "0",
    }


def token() -> str:
    """A token with all scopes."""
    return Tokens(Trust(KEYS["token_key"], issuer=ISSUER), [KEYS["signing_key"]], utc_now).token("alerts", ACME, SCOPES, timedelta(hours=6))
