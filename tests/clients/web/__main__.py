"""`make drill-web`: lists that web/client follows for minutes, under write load, while their gateway is killed and their connections are interrupted.

Fails if a list does not equal the database at a quiet point.
"""

import argparse
import asyncio
import shutil
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pymongo import MongoClient

from gateway.development.mongod import EmbeddedMongo
from store.indexes import VERIFICATIONS
from tests.clients.web.load import run
from tests.company import Company
from tests.processes.process import running
from tests.processes.service import api_at, free_port, settings_at
from tests.serving import ACME, serving

ROUND_SECONDS = 20
DOWN_SECONDS = 3
DATABASE = "drill"
# The settings of both gateways: the one that is killed, and the one that receives the writes. Verifications are deleted soon after they are
# anonymized, so that rows are removed from lists. Feeds resume only after short interruptions, so that web/client must sometimes read a list again.
SETTINGS = {"remove_seconds": "0.5", "sweep_seconds": "0.3", "feed_resume_seconds": "5"}


class KilledGateway:
    """A gateway in its own process, which can be killed and started again."""

    def __init__(self, directory: Path, mongo_uri: str, port: int) -> None:
        self._directory, self._mongo_uri, self._port = directory, mongo_uri, port
        self._stack = AsyncExitStack()

    async def start(self) -> None:
        """Start the gateway, and wait until it is ready."""
        settings = {**settings_at(self._port), **{f"GATEWAY_{name.upper()}": value for name, value in SETTINGS.items()}}
        command = await self._stack.enter_async_context(running(self._directory, "serve", GATEWAY_MONGO_URI=self._mongo_uri, **settings))
        await command.ready(f"http://127.0.0.1:{self._port}")

    async def end(self) -> None:
        """Kill the gateway."""
        await self._stack.aclose()

    async def restart(self) -> None:
        """Kill the gateway, and start it again a moment later."""
        await self.end()
        await asyncio.sleep(DOWN_SECONDS)
        await self.start()


async def drill(seed: int, minutes: float, directory: Path) -> None:
    """Run the drill, and print what was done."""
    node = shutil.which("node") or sys.exit("Node is missing: install Node 20 or newer")
    port, began = free_port(), monotonic()
    with EmbeddedMongo(directory) as mongo, MongoClient[dict[str, Any]](mongo.uri, tz_aware=True) as client:
        uri = urlunsplit(urlsplit(mongo.uri)._replace(path=f"/{DATABASE}"))
        settings: dict[str, Any] = {name: float(value) for name, value in SETTINGS.items()}
        rounds = max(1, round(minutes * 60 / ROUND_SECONDS))
        killed = KilledGateway(directory, uri, port)
        async with serving(uri, **settings) as steady:
            await killed.start()
            try:
                company = Company(steady, client[DATABASE][VERIFICATIONS], ACME)
                load = await run(node, company, port, api_at(port).token, minutes * 60, seed, rounds, killed.restart)
            finally:
                await killed.end()
    print(f"{rounds} quiet points after {load.writes} writes in {monotonic() - began:.0f} s: each list equalled the database")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make drill-web", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the seed of the load and of the faults")
    parser.add_argument("--minutes", type=float, default=5, help="how long the load lasts")
    arguments = parser.parse_args()
    with TemporaryDirectory() as directory:
        asyncio.run(drill(arguments.seed, arguments.minutes, Path(directory)))


if __name__ == "__main__":
    main()
