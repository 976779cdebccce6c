"""`gateway dev`: all that a newcomer needs, in one process and its mongod."""

import asyncio
import math
import secrets
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from ipaddress import ip_address
from pathlib import Path
from socket import socket
from typing import Any

from rich.console import Console

from gateway import server, settings
from gateway.application import application, token_reader
from gateway.development import keys as development
from gateway.development.mongod import EmbeddedMongo
from gateway.pages import console, graphiql
from gateway.process import logs
from gateway.transports.origins import is_address
from simulation.credentials import Credentials
from simulation.runner import simulate
from store.verifications import utc_now

DEMO_RATE = 0.2
MAX_LIVES = 20
MAX_START_SECONDS = 5.0
DEMO = "Verifications of a demo come and go (--no-demo: none)."
NO_DEMO = "Without the demo."
DEFAULTS: dict[str, Any] = {
    "provider": "sandbox",
    "introspection": True,
    "token_max_seconds": 32 * 86_400,
    "log_level": "warning",
    "log_format": "console",
}


class MongoAway(Exception):
    """The MongoDB that was named doesn't answer."""

    def __init__(self) -> None:
        super().__init__("no primary of the MongoDB at --mongo-uri answered; is it a replica set, and running?")


def dev(host: str, port: int, data_dir: Path, demo: bool, credentials_file: Path | None, mongo_uri: str | None) -> None:
    """Serve until interrupted.

    Raises: AddressTaken, BadAddress, EmbeddedError, BadSettings, MongoAway.
    """
    console = Console(soft_wrap=True, highlight=False)
    server.end_in_order()
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as held:
        held.callback(console.print, "stopped; the data stay.", style="dim")
        bound = held.enter_context(server.listening(host, port))
        port = bound.getsockname()[1]
        if not mongo_uri:
            console.print(f"starting MongoDB, with its data in {data_dir} …", style="dim")
        uri = mongo_uri or held.enter_context(EmbeddedMongo(data_dir)).uri
        url = f"http://{reachable(host)}:{port}"
        defaults = {**development.keys(data_dir), **DEFAULTS, "public_url": url}
        chosen = settings.read(defaults, host=host, port=port, mongo_uri=uri)
        logs.configure(chosen.log_level, chosen.log_format)
        credentials = development.credentials(url, token_reader(chosen, utc_now))
        files = [data_dir / "credentials.json", *([credentials_file] if credentials_file else [])]
        for file in files:
            development.write_private(file, asdict(credentials))
        server.run(serve(chosen, bound, credentials, demo, lambda: tell(console, credentials, files[-1], demo, host)))


async def serve(chosen: settings.Settings, bound: socket, credentials: Credentials, demo: bool, ready: Callable[[], None]) -> None:
    """Serve, tell when all of it works, and let the demo's lives go by. Raises: MongoAway."""
    app = application(chosen, pages=[*console.routes(credentials), *graphiql.routes(credentials)], local=True)
    lives = simulate(credentials=credentials, seed=secrets.randbits(32), rate=DEMO_RATE, max_in_flight=MAX_LIVES, start_within_seconds=math.inf)
    background: list[asyncio.Task[Any]] = []

    async def begin() -> None:
        await app.process.health.ready()
        ready()
        if demo:
            await lives

    try:
        if not await app.process.health.answers(MAX_START_SECONDS):
            raise MongoAway
        await server.Server(app, lambda: background.append(asyncio.create_task(begin()))).serve([bound])
    finally:
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        lives.close()


def reachable(host: str) -> str:
    """How a browser on this machine names the address that is listened on."""
    name = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{name}]" if ":" in name else name


def loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    return host == "localhost" or (is_address(host) and ip_address(host).is_loopback)


def tell(console: Console, credentials: Credentials, file: Path, demo: bool, host: str) -> None:
    """Print where everything is."""
    console.print("\n[bold green]The verification gateway is ready.[/]\n")
    for name, place in (
        ("start here", credentials.url),
        ("GraphiQL", f"{credentials.url}/graphiql"),
        ("GraphQL", credentials.graphql),
        ("WebSocket", credentials.websocket),
        ("tokens", f"on the page, and in {file}"),
    ):
        console.print(f"  {name:<11} {place}")
    console.print(
        f'\n  A token for the command line:\n\n  TOKEN=$(python3 -c \'import json; print(json.load(open("{file}"))["tokens"]["integrator"])\')\n'
    )
    if not loopback(host):
        console.print(f"  [yellow]Whoever reaches {host} can read the tokens on the page, and use them.[/]\n")
    console.print(f"  {DEMO if demo else NO_DEMO} Ctrl-C ends it.\n")
