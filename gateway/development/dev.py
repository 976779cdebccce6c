"""`gateway dev`: a gateway for a developer's machine, with its own mongod, a console, GraphiQL and a demo."""

import asyncio
import json
import math
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from socket import socket
from typing import Any

from rich.console import Console
from starlette.routing import BaseRoute

from domain.errors import Unavailable
from gateway import server, settings
from gateway.application import application, token_reader
from gateway.development import documentation
from gateway.development import keys as development
from gateway.development.mongod import DataDirUnusable, EmbeddedMongo
from gateway.pages import board, console, graphiql
from gateway.pages.access import PageAccess
from gateway.pages.bundle import Configuration, is_built
from gateway.pages.follow import FOLLOW_FILES
from gateway.process import logs
from gateway.process.mongo_check import NO_PRIMARY, MongoRefused, check_mongo
from gateway.transports.origins import is_address
from providers.file import YousignSection
from simulation.credentials import Credentials
from simulation.errors import SimulationError
from simulation.runner import simulate
from store.verifications import utc_now

# How many new verifications the demo creates per second, and how many it drives to an outcome at the same time.
DEMO_RATE = 0.2
MAX_LIVES = 20
MONGO_SOURCE = "--mongo-uri (or GATEWAY_MONGO_URI)"
# The interval at which the tokens in the credentials files and those of the demo are replaced. Each token is valid for twice this time.
RENEW_SECONDS = development.TOKEN_TTL.total_seconds() / 2
DEMO = "A demo creates verifications and drives them to an outcome (--no-demo: without it)."
NO_DEMO = "The demo is off."
GRAPHIQL = "GraphiQL"
DEFAULTS: dict[str, Any] = {
    "provider": "sandbox",
    "introspection": True,
    "log_level": "warning",
    "log_format": "console",
}


def dev(host: str, port: int, data_dir: Path, demo: bool, credentials_file: Path | None, mongo_uri: str | None, shared: bool) -> None:
    """Run the command: start MongoDB, create keys and tokens, and serve until the user interrupts it.

    Raises: AddressTaken, BadAddress, BadKeys, BadProvidersFile, EmbeddedError, BadSettings, MongoRefused, OSError.
    """
    console = Console(soft_wrap=True, highlight=False)
    server.end_in_order()
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise DataDirUnusable(data_dir, error) from None
    with ExitStack() as farewell, ExitStack() as resources:
        bound = resources.enter_context(server.listening_socket(host, port))
        port = bound.getsockname()[1]
        if not mongo_uri:
            console.print(f"starting MongoDB; its data are in {data_dir} …", style="dim")
        uri = mongo_uri or resources.enter_context(EmbeddedMongo(data_dir)).uri
        url = f"http://{reachable(host)}:{port}"
        defaults = {**development.keys(data_dir), **DEFAULTS, "public_url": url}
        chosen = settings.read_settings(defaults, host=host, port=port, mongo_uri=uri)
        section = settings.sections_of(chosen, local=True).get(development.WORKSPACE)
        # The demo creates a verification every few seconds. None of them may reach a real provider.
        demo = demo and not isinstance(section, YousignSection)
        logs.configure_logging(chosen.log_level, chosen.log_format)
        files = [data_dir / "credentials.json", *([credentials_file] if credentials_file else [])]
        signed = partial(development.credentials, url, token_reader(chosen, utc_now))
        development.write_credentials(files, signed())
        link = partial(print_link, console) if shared or not loopback(host) else None
        access = PageAccess(signed, link)

        def ready() -> None:
            print_addresses(console, signed(), files[-1], demo, page_is_open=link is None, missing=missing_pages())
            access.begin()
            # "stopped" is printed last, also if a signal ends the process, but not if the gateway could not start.
            farewell.callback(console.print, "stopped; the data are kept.", style="dim")

        server.run(serve(chosen, bound, access, ready, partial(renewing, signed, files, demo)))


async def serve(chosen: settings.Settings, bound: socket, access: PageAccess, ready: Callable[[], None], work: Callable[[], Awaitable[None]]) -> None:
    """Serve until the process has to end. Once the gateway is ready, call `ready` and start `work`. Raises: MongoRefused, AddressTaken."""
    app = application(chosen, pages=development_pages(chosen, access), local=True)
    background: list[asyncio.Task[Any]] = []

    async def begin() -> None:
        await app.process.health.ready()
        ready()
        await work()

    try:
        await check_mongo(app.process.health.store.database, MONGO_SOURCE)
        with server.admin_socket(chosen.host, chosen.admin_port) as admin:
            await server.Server(app, lambda: background.append(asyncio.create_task(begin())), admin=admin).serve([bound])
    except Unavailable:
        raise MongoRefused(MONGO_SOURCE, NO_PRIMARY) from None
    finally:
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)


def development_pages(chosen: settings.Settings, access: PageAccess, bundle: Path = board.BOARD_FILES) -> list[BaseRoute]:
    """The routes of all pages of a development gateway. If the board is not built, the console is also at `/`."""
    built, documentation_routes = is_built(bundle), documentation.routes()
    documented = bool(documentation_routes)

    def configuration() -> Configuration:
        embedded = access.embedded()
        token = {"token": json.loads(embedded)["tokens"]["integrator"]} if embedded else {}
        links = {"console": "console", "graphiql": "graphiql"} | ({"docs": "docs/frontends.md"} if documented else {})
        return board.configuration_of(chosen.processing_seconds) | {"links": links} | token

    pages = board.routes(configuration, bundle) if built else []
    return [*pages, *console.routes(access, at_root=not built, documented=documented), *graphiql.routes(access), *documentation_routes]


async def renewing(signed: Callable[[], Credentials], files: list[Path], demo: bool, renew_seconds: float = RENEW_SECONDS) -> None:
    """Run the demo, if there is one, until cancelled. Every `renew_seconds`, write new tokens to the files, and start the demo again with them."""
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(renew_seconds):
                if demo:
                    # If the demo fails, the tokens in the files are still renewed.
                    with suppress(SimulationError):
                        await demonstrate(signed())
                await asyncio.Event().wait()
        development.write_credentials(files, signed())


async def demonstrate(credentials: Credentials) -> None:
    """Create verifications and drive them to an outcome, until cancelled. Raises: SimulationError."""
    seed = secrets.randbits(32)
    await simulate(credentials=credentials, seed=seed, rate=DEMO_RATE, max_in_flight=MAX_LIVES, start_within_seconds=math.inf)


def reachable(host: str) -> str:
    """The host to put into a URL, so that a browser on this machine reaches a gateway that listens on the address `host`."""
    name = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{name}]" if ":" in name else name


def loopback(host: str) -> bool:
    """Whether only this machine can reach a gateway that listens on the address `host`."""
    return host == "localhost" or (is_address(host) and ip_address(host).is_loopback)


def missing_pages() -> list[str]:
    """The names of the pages that are not built here, because Node was missing."""
    built = {"the board": is_built(board.BOARD_FILES), "the person's page": is_built(FOLLOW_FILES), GRAPHIQL: graphiql.is_bundled()}
    return [name for name in built if not built[name]]


def print_addresses(console: Console, credentials: Credentials, file: Path, demo: bool, page_is_open: bool, missing: Sequence[str] = ()) -> None:
    """Print the gateway's addresses and where the user finds tokens.

    `page_is_open`: whether the page contains tokens, and needs no link. `missing`: the names of the pages that are not built.
    """
    console.print("\n[bold green]The verification gateway is ready.[/]\n")
    for name, text in (
        ("start here", credentials.url if page_is_open else "with the link below"),
        ("console", f"{credentials.url}/console"),
        *([(GRAPHIQL, f"{credentials.url}/graphiql")] if GRAPHIQL not in missing else []),
        ("GraphQL", credentials.graphql),
        ("WebSocket", credentials.websocket),
        ("tokens", f"in the console, and in {file}"),
    ):
        console.print(f"  {name:<11} {text}")
    if missing:
        console.print(f"\n  Not available: {', '.join(missing)}. `make run` builds them if Node 20 or newer is installed with npm.")
    console.print(
        f'\n  A token for the command line:\n\n  TOKEN=$(python3 -c \'import json; print(json.load(open("{file}"))["tokens"]["integrator"])\')\n'
    )
    console.print(f"  {DEMO if demo else NO_DEMO} Ctrl-C stops the gateway.\n")


def print_link(console: Console, link: str) -> None:
    """Print a link with which a browser receives the tokens. Each link works once."""
    console.print(f"  The page with the tokens opens with this link, once:\n\n  {link}\n")
