"""`make drill-web`: lists that web/client follows for minutes, under write load, while their gateway is killed and their connections are interrupted.

Fails if a list does not equal the database at a quiet point.
"""

import argparse
import asyncio
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
LIFE_SECONDS = 12
DATABASE = "drill"
# What both gateways are set to: what is anonymized is soon deleted, and feeds resume only after short interruptions.
SETTINGS = {"remove_seconds": "0.5", "sweep_seconds": "0.3", "feed_resume_seconds": "5"}


@asynccontextmanager
async def killed_again_and_again(directory: Path, mongo_uri: str, port: int) -> AsyncIterator[None]:
    """A gateway on this port that is killed and started again until the end of the block."""

    async def live() -> None:
        while True:
            settings = {**settings_at(port), **{f"GATEWAY_{name.upper()}": value for name, value in SETTINGS.items()}}
            async with running(directory, "serve", GATEWAY_MONGO_URI=mongo_uri, **settings) as command:
                await command.ready(f"http://127.0.0.1:{port}")
                await asyncio.sleep(LIFE_SECONDS)
                await command.end(signal.SIGKILL)

    living = asyncio.create_task(live())
    try:
        yield
    finally:
        living.cancel()
        await asyncio.gather(living, return_exceptions=True)


async def drill(seed: int, minutes: float, directory: Path) -> None:
    """Run the drill, and print what was done."""
    node = shutil.which("node") or sys.exit("Node is missing: install Node 20 or newer")
    port, began = free_port(), monotonic()
    with EmbeddedMongo(directory) as mongo, MongoClient[dict[str, Any]](mongo.uri, tz_aware=True) as client:
        uri = urlunsplit(urlsplit(mongo.uri)._replace(path=f"/{DATABASE}"))
        settings: dict[str, Any] = {name: float(value) for name, value in SETTINGS.items()}
        async with serving(uri, **settings) as steady, killed_again_and_again(directory, uri, port):
            company = Company(steady, client[DATABASE][VERIFICATIONS], ACME)
            rounds = max(1, round(minutes * 60 / ROUND_SECONDS))
            load = await run(node, company, port, api_at(port).token, minutes * 60, seed, rounds)
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
