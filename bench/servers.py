"""Starts the servers, each as a process on the first processor."""

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
    """What the servers of a run share: the database, the keys, and a folder for files."""

    mongo_uri: str
    keys: Secrets
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of the peers."""
        return {"MONGO_URI": self.mongo_uri, "WORKSPACE": WORKSPACE, "CATALOGUE": str(self.folder / "catalogue.json"), "NODE_ENV": "production"}

    def with_database(self, database: str) -> "Setup":
        """The same setup with another database."""
        return replace(self, mongo_uri=urlunsplit(urlsplit(self.mongo_uri)._replace(path=f"/{database}")))


# Servers by name. On Node, the file has the same name, and the value is a title; in Python, the value is the module.
NODE = {"mercurius": "Mercurius, JIT", "apollo": "Apollo Server", "yoga": "GraphQL Yoga", "graphql_ws": "graphql-ws on ws"}
PYTHON = {"strawberry": "stock", "rest": "rest", "ariadne": "sdl", "bare": "bare"}


def write_catalogue(setup: Setup) -> None:
    """Write the catalogue of reasons to a file, for the peers on Node."""
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
    """The running server with this name."""
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
    """The command that starts a peer."""
    if name in NODE:
        return ["node", str(PEERS / f"{name}.js")]
    quick = ["--loop", "uvloop", "--http", "httptools", "--ws", "websockets-sansio", "--no-access-log", "--log-level", "warning"]
    return [sys.executable, "-m", "uvicorn", "--factory", f"bench.peers.{PYTHON[name]}:application", "--port", str(port), *quick]
