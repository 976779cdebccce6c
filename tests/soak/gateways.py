"""The gateway processes of a run, which are killed and started again."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from random import Random
from time import time

from gateway.callers.tokens import Tokens, Trust
from store.verifications import utc_now
from tests.fakes.receiver import RECEIVER_SECRET
from tests.fakes.yousign import FakeYousign
from tests.ledger.gateways import Gateway
from tests.ledger.process import Process, free_port
from tests.serving import INTEGRATOR, ISSUER, KEYS
from tests.soak.plan import WORKSPACES
from tests.soak.records import Death, Records

API_KEY, WEBHOOK_SECRET, HOOK_SECRET = "SOAK_YOUSIGN_KEY", "SOAK_YOUSIGN_SECRET", "SOAK_HOOK_SECRET"
MAX_DOWN_SECONDS = 1.0
# A run lasts minutes, so the provider is queried earlier and more often than by default.
RECONCILE_SECONDS = (*range(3, 60, 3), *range(60, 5400, 20))


def token(workspace: str) -> str:
    """A token of an integrator of this workspace."""
    issuer = Tokens(Trust(KEYS["token_key"], issuer=ISSUER), [KEYS["signing_key"]], utc_now)
    return issuer.token("soak", workspace, list(INTEGRATOR), timedelta(hours=24))


def providers_file(directory: Path, name: str, fake: FakeYousign, hooks: str) -> Path:
    """Write the providers file of the gateway `name`. `hooks`: the URL of the backend.

    The path of the provider's address begins with the name of the gateway, so that the fake can see which gateway has sent a request.
    """
    sections = [
        f'[{workspace}]\nprovider = "yousign"\nbase_url = "{fake.url}/{name}/v3"\napi_key_env = "{API_KEY}"\n'
        f'webhook_secret_envs = ["{WEBHOOK_SECRET}"]\nobserve = {str(observed).lower()}\nreads_per_minute = 100000\nreads_per_hour = 1000000\n'
        f'[{workspace}.deliveries]\nurl = "{hooks}"\nsecret_env = "{HOOK_SECRET}"\n'
        for workspace, observed in WORKSPACES.items()
    ]
    path = directory / f"{name}.toml"
    path.write_text("".join(sections))
    return path


def environment(mongo_uri: str, port: int, public_port: int, file: Path, fake: FakeYousign) -> dict[str, str]:
    """The settings of a gateway, as environment variables."""
    return {
        "GATEWAY_MONGO_URI": mongo_uri,
        **{f"GATEWAY_{name.upper()}": key for name, key in KEYS.items()},
        "GATEWAY_TOKEN_ISSUER": ISSUER,
        "GATEWAY_PUBLIC_URL": f"http://127.0.0.1:{public_port}",
        "GATEWAY_PORT": str(port),
        "GATEWAY_PROVIDERS_FILE": str(file),
        # All clients of the soak share one subject. No limit of rates may delay them.
        **dict.fromkeys(("GATEWAY_RATE_COST_PER_SECOND", "GATEWAY_RATE_BURST_COST"), "1000000000"),
        "GATEWAY_SWEEP_SECONDS": "1",
        "GATEWAY_RECONCILE_SECONDS": ",".join(map(str, RECONCILE_SECONDS)),
        API_KEY: fake.api_key,
        WEBHOOK_SECRET: fake.secret,
        HOOK_SECRET: RECEIVER_SECRET,
    }


class Fleet:
    """All gateway processes. `down`: the names of those that are dead, or not ready yet."""

    def __init__(self, gateways: list[Gateway], chance: Random, records: Records) -> None:
        self.gateways = gateways
        self.down: set[str] = set()
        self._chance = chance
        self._records = records
        self._restarts: set[asyncio.Task[None]] = set()
        self._halted = False

    def any(self) -> Gateway:
        """A random gateway of those that are up; a random one of all if none is up."""
        return self._chance.choice([gateway for gateway in self.gateways if gateway.name not in self.down] or self.gateways)

    def named(self, name: str) -> Gateway:
        """The gateway with this name."""
        return next(gateway for gateway in self.gateways if gateway.name == name)

    async def kill(self, gateway: Gateway) -> bool:
        """Kill a gateway, and start it again a little later. Returns False if it is down already."""
        if gateway.name in self.down:
            return False
        await self._kill(gateway)
        if not self._halted:
            task = asyncio.create_task(self._restart(gateway))
            self._restarts.add(task)
            task.add_done_callback(self._restarted)
        return True

    async def kill_all(self) -> None:
        """Kill all gateways. Returns when all have ended; none starts before `start_all`."""
        await self.settled()
        self._halted = True
        await asyncio.gather(*map(self._kill, self.gateways))

    async def start_all(self) -> None:
        """Start all gateways, and wait until they are ready."""
        self._halted = False
        await asyncio.gather(*map(self._start, self.gateways))

    async def end(self) -> None:
        """Kill all gateways for good."""
        for task in self._restarts:
            task.cancel()
        await asyncio.gather(*self._restarts, return_exceptions=True)
        await asyncio.gather(*(gateway.process.kill() for gateway in self.gateways))

    async def settled(self) -> None:
        """Wait until all gateways that were killed by `kill` are ready again."""
        while self._restarts:
            await asyncio.wait([*self._restarts])

    async def _kill(self, gateway: Gateway) -> None:
        self.down.add(gateway.name)
        await gateway.process.kill()
        self._records.deaths.append(Death(gateway.name, time()))

    def _restarted(self, task: asyncio.Task[None]) -> None:
        self._restarts.discard(task)
        if not task.cancelled() and task.exception():
            self._records.complaints.append(f"a gateway was not ready in time after it was killed ({task.exception()!r})")

    async def _restart(self, gateway: Gateway) -> None:
        await asyncio.sleep(self._chance.uniform(0, MAX_DOWN_SECONDS))
        await self._start(gateway)

    async def _start(self, gateway: Gateway) -> None:
        gateway.process.start()
        await gateway.ready()
        self.down.discard(gateway.name)


@asynccontextmanager
async def running(
    directory: Path, mongo_uri: str, count: int, fake: FakeYousign, hooks: str, chance: Random, records: Records, planted: str | None
) -> AsyncIterator[Fleet]:
    """A context with this number of gateways, which are ready. `hooks`: the URL of the backend. `planted`: a bug that the gateways have."""
    module = ["gateway", "serve"] if planted is None else ["tests.soak.planted", planted]
    ports = [free_port() for _ in range(count)]
    gateways = []
    for number, port in enumerate(ports, 1):
        name = f"gateway-{number}"
        settings = environment(mongo_uri, port, ports[0], providers_file(directory, name, fake, hooks), fake)
        gateways.append(Gateway(name, port, port, Process([sys.executable, "-m", *module], directory / f"{name}.log", settings)))
    fleet = Fleet(gateways, chance, records)
    try:
        await fleet.start_all()
        yield fleet
    finally:
        await fleet.end()
