"""Starts the gateway and its peers. Each is a process that runs only on the first processor."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import orjson

from bench.machinery import WORKSPACE, Secrets, Served, free_port, gateway, ready, running
from bench.processors import SERVER, pinned
from domain.reasons import CATALOGUE

PEERS = Path(__file__).parent / "peers"


@dataclass(frozen=True, slots=True)
class Setup:
    """The settings that all servers of a run share: the database, the keys, and a folder for files."""

    mongo_uri: str
    keys: Secrets
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that configure a peer."""
        return {"MONGO_URI": self.mongo_uri, "WORKSPACE": WORKSPACE, "CATALOGUE": str(self.folder / "catalogue.json"), "NODE_ENV": "production"}

    def with_database(self, database: str) -> "Setup":
        """The same settings with another database of the same MongoDB."""
        return replace(self, mongo_uri=urlunsplit(urlsplit(self.mongo_uri)._replace(path=f"/{database}")))


# The names of the peers. A peer on Node is the file NAME.js, and its value here is a title. A peer in Python is the module that its value names.
NODE = {"mercurius": "Mercurius, JIT", "apollo": "Apollo Server", "yoga": "GraphQL Yoga", "graphql_ws": "graphql-ws on ws"}
PYTHON = {"strawberry": "stock", "rest": "rest", "ariadne": "sdl", "bare": "bare"}


def write_catalogue(setup: Setup) -> None:
    """Write the catalogue of reason codes to a JSON file, which the peers on Node read."""
    rows = [
        {
            "code": reason.code,
            "type": reason.type.name,
            "statuses": [status.name for status in reason.statuses],
            "description": reason.description,
            "retryAdvice": reason.retry_advice.name,
        }
        for reason in CATALOGUE.values()
    ]
    (setup.folder / "catalogue.json").write_bytes(orjson.dumps(rows))


@contextmanager
def serving(name: str, setup: Setup) -> Iterator[Served]:
    """Start the server with this name, and stop it at the end of the context. Waits until it is ready."""
    if name == "gateway":
        with gateway(setup.mongo_uri, setup.keys, SERVER) as served:
            yield served
        return
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running(pinned(command(name, port), SERVER), setup.environment | {"PORT": str(port)}) as process:
        asyncio.run(ready(f"{url}/ready"))
        yield Served(url, "", process, setup.mongo_uri)


def command(name: str, port: int) -> list[str]:
    """The command that starts the peer with this name on this port."""
    if name in NODE:
        return ["node", str(PEERS / f"{name}.js")]
    quick = ["--loop", "uvloop", "--http", "httptools", "--ws", "websockets-sansio", "--no-access-log", "--log-level", "warning"]
    return [sys.executable, "-m", "uvicorn", "--factory", f"bench.peers.{PYTHON[name]}:application", "--port", str(port), *quick]
