"""The servers, each in a process of its own on the first processor."""

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
class Place:
    """Where the servers find their data, and what they look reasons up in."""

    mongo_uri: str
    keys: Secrets
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What the peers are told."""
        return {"MONGO_URI": self.mongo_uri, "WORKSPACE": WORKSPACE, "CATALOGUE": str(self.folder / "catalogue.json"), "NODE_ENV": "production"}

    def beside(self, database: str) -> "Place":
        """The same with a database of its own."""
        return replace(self, mongo_uri=urlunsplit(urlsplit(self.mongo_uri)._replace(path=f"/{database}")))


# The title of each, and what runs it: a file for Node, a module for Python.
NODE = {"mercurius": "Mercurius, JIT", "apollo": "Apollo Server", "yoga": "GraphQL Yoga", "graphql_ws": "graphql-ws on ws"}
PYTHON = {"strawberry": "stock", "rest": "rest", "ariadne": "sdl", "bare": "bare"}


def write_catalogue(place: Place) -> None:
    """The catalogue of reasons, for whoever can't import it."""
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
    (place.folder / "catalogue.json").write_bytes(orjson.dumps(rows))


@contextmanager
def serving(name: str, place: Place) -> Iterator[Served]:
    """The server of this name."""
    if name == "gateway":
        with gateway(place.mongo_uri, place.keys, SERVER) as served:
            yield served
        return
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running(pinned(command(name, port), SERVER), place.environment | {"PORT": str(port)}) as process:
        asyncio.run(ready(f"{url}/ready"))
        yield Served(url, "", process, place.mongo_uri)


def command(name: str, port: int) -> list[str]:
    """How a peer is started."""
    if name in NODE:
        return ["node", str(PEERS / f"{name}.js")]
    quick = ["--loop", "uvloop", "--http", "httptools", "--ws", "websockets-sansio", "--no-access-log", "--log-level", "warning"]
    return [sys.executable, "-m", "uvicorn", "--factory", f"bench.peers.{PYTHON[name]}:application", "--port", str(port), *quick]
