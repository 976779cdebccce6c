"""`gateway dev`: all that a newcomer needs, in one process and its mongod."""

import asyncio
import math
import secrets
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from socket import socket
from typing import Any

from rich.console import Console

from gateway import development, logs, server, settings
from gateway.application import application, token_reader
from gateway.console import routes
from gateway.embedded import EmbeddedMongo
from gateway.simulation.credentials import Credentials
from gateway.simulation.runner import simulate
from store.verifications import utc_now

DEMO_RATE = 0.2
MOST_LIVES = 20
DEFAULTS = {"provider": "sandbox", "log_level": "warning", "log_format": "console"}


def dev(host: str, port: int, data_dir: Path, demo: bool, credentials_file: Path | None, mongo_uri: str | None) -> None:
    """Serve until interrupted.

    Raises: AddressTaken, EmbeddedError, BadSettings.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        bound = held.enter_context(server.listening(host, port))
        port = bound.getsockname()[1]
        uri = mongo_uri or held.enter_context(EmbeddedMongo(data_dir)).uri
        url = f"http://{'127.0.0.1' if host in ('0.0.0.0', '') else host}:{port}"
        defaults = {**development.keys(data_dir), **DEFAULTS, "public_url": url}
        chosen = settings.read(defaults, host=host, port=port, mongo_uri=uri)
        logs.configure(chosen.log_level, chosen.log_format)
        credentials = development.credentials(url, token_reader(chosen, utc_now))
        if credentials_file:
            development.write_private(credentials_file, asdict(credentials))
        server.run(serve(chosen, bound, credentials, demo))


async def serve(chosen: settings.Settings, bound: socket, credentials: Credentials, demo: bool) -> None:
    """Serve, and let the demo's lives go by."""
    background: list[asyncio.Task[Any]] = []

    def started() -> None:
        tell(credentials)
        if demo:
            lives = simulate(
                credentials=credentials, seed=secrets.randbits(32), rate=DEMO_RATE, most_in_flight=MOST_LIVES, start_within_seconds=math.inf
            )
            background.append(asyncio.create_task(lives))

    try:
        await server.Server(application(chosen, pages=routes(credentials)), started).serve([bound])
    finally:
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)


def tell(credentials: Credentials) -> None:
    """Print where everything is."""
    console = Console(soft_wrap=True, highlight=False)
    console.print("\n[bold green]The verification gateway is ready.[/]\n")
    for name, place in (("start here", credentials.url), ("GraphQL", credentials.graphql), ("WebSocket", credentials.websocket)):
        console.print(f"  {name:<11} {place}")
    console.print("\n  tokens, each for `Authorization: Bearer …`:\n")
    for part, token in asdict(credentials.tokens).items():
        console.print(f"  {part:<11} {token}")
    console.print("\n  Ctrl-C ends it; its data stay.\n")
