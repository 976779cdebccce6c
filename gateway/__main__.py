"""The command line: the command `gateway`, its subcommands and their options."""

import asyncio
import logging
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from domain.caller import WORKSPACE_NAME, Scope
from gateway import server, settings
from gateway.application import application, token_reader
from gateway.callers.tokens import SCOPES
from gateway.commands.check import check as check_deployment
from gateway.commands.explain import explanation
from gateway.development import keys as development
from gateway.development.dev import MongoUnreachable
from gateway.development.dev import dev as serve_for_development
from gateway.development.mongod import EmbeddedError
from gateway.errors import RequestRefused
from gateway.process import logs
from gateway.process.garbage import collected_seldom
from gateway.settings import BadSettings
from schema.build import build
from simulation import command as simulation
from simulation.runner import SPEED
from store.driver import BadAddress
from store.verifications import utc_now

app = typer.Typer(
    help="A GraphQL gateway for video identity verifications, with live status.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
error_console = Console(stderr=True)
logger = logging.getLogger("gateway")


@app.command()
def serve() -> None:
    """Run the gateway in production. All settings come from environment variables; `gateway settings` lists them."""
    chosen = settings.to_serve()
    logs.configure_logging(chosen.log_level, chosen.log_format)
    for name in settings.unknown():
        logger.warning("%s is not a setting; `gateway settings` lists all settings", name)
    if not chosen.provider:
        logger.warning("GATEWAY_PROVIDER is not set, so that no verification can be created")
    with server.listening_socket(chosen.host, chosen.port) as bound:
        port = bound.getsockname()[1]

        async def main() -> None:
            app = application(chosen)
            async with collected_seldom():
                await server.Server(app, lambda: logger.info("listening on %s port %d", chosen.host, port)).serve([bound])

        server.run_and_leave(main())


@app.command()
def dev(
    host: Annotated[str, typer.Option(envvar="GATEWAY_HOST", help="The address to listen on.", show_envvar=True)] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(envvar="GATEWAY_PORT", help="The port to listen on; 0 chooses a free port.", min=0, max=65535, show_envvar=True)
    ] = 8000,
    data_dir: Annotated[Path, typer.Option(help="The directory of the embedded MongoDB's data and of the development keys.")] = Path(".gateway"),
    demo: Annotated[
        bool,
        typer.Option(" /--no-demo", show_default=False, help="Start without the demo, which creates verifications and drives them to an outcome."),
    ] = True,
    credentials_file: Annotated[
        Path | None, typer.Option(help="A second JSON file for the addresses and tokens. They are always written to credentials.json in --data-dir.")
    ] = None,
    mongo_uri: Annotated[
        str | None,
        typer.Option(envvar="GATEWAY_MONGO_URI", help="The URI of a MongoDB replica set to use instead of the embedded MongoDB.", show_envvar=True),
    ] = None,
) -> None:
    """Run the gateway on a developer's machine, with an embedded MongoDB, development tokens, a web console and a live demo."""
    serve_for_development(host, port, data_dir, demo, credentials_file, mongo_uri)


@app.command()
def simulate(
    credentials_file: Annotated[
        Path, typer.Option(help="A JSON file of addresses and tokens, such as .gateway/credentials.json, which `gateway dev` writes.")
    ],
    url: Annotated[str | None, typer.Option(help="The gateway's URL, if it differs from the URL in the credentials file.")] = None,
    seed: Annotated[int, typer.Option(help="The seed of the random numbers: the same seed produces the same verifications.")] = 0,
    rate: Annotated[float, typer.Option(help="New verifications per second.")] = 1.0,
    count: Annotated[
        int | None,
        typer.Option(help="The number of verifications to start, without their retries. By default, the simulation runs until it is interrupted."),
    ] = None,
    speed: Annotated[float, typer.Option(help="How much faster than real time the people and reviewers act.")] = SPEED,
) -> None:
    """Create verifications and drive them through realistic lives, over the public API."""
    raise typer.Exit(simulation.run(credentials_file, url=url, seed=seed, rate=rate, count=count, speed=speed))


@app.command()
def token(
    workspace: Annotated[str, typer.Option(help="The workspace that the token gives access to.")],
    scope: Annotated[list[str], typer.Option(help="A scope, such as verification:read. Repeat the option for several scopes.")],
    ttl: Annotated[int, typer.Option(help="The token's lifetime in seconds.", min=1)] = 3600,
    subject: Annotated[str, typer.Option(help="The token's subject (`sub`): the caller's name.")] = "command line",
    data_dir: Annotated[Path, typer.Option(help="The data directory of `gateway dev`, whose key signs if GATEWAY_TOKEN_KEY is not set.")] = Path(
        ".gateway"
    ),
) -> None:
    """Print a token signed with GATEWAY_TOKEN_KEY, or with the key of `gateway dev`."""
    unknown = [name for name in scope if name not in SCOPES or SCOPES[name] is Scope.FOLLOW]
    if unknown:
        usable = ", ".join(name for name, value in SCOPES.items() if value is not Scope.FOLLOW)
        raise typer.BadParameter(f"{unknown[0]} is not a scope that this command can grant; choose from: {usable}", param_hint="--scope")
    if not WORKSPACE_NAME.fullmatch(workspace):
        raise typer.BadParameter("a workspace has 1 to 64 characters: letters, digits, '_', '.' and '-'", param_hint="--workspace")
    chosen = settings.read_settings(development.offline(data_dir))
    if not chosen.token_key:
        raise BadSettings(
            {"token_key": "is missing; without it, tokens are verified with the issuer's published keys, and only the issuer can sign them"}
        )
    reader = token_reader(chosen, utc_now)
    typer.echo(reader.token(subject, workspace, [SCOPES[name] for name in scope], timedelta(seconds=ttl)))


@app.command()
def schema() -> None:
    """Print the GraphQL schema in the schema definition language (SDL)."""
    typer.echo(build().as_str())


@app.command()
def explain(
    file: Annotated[Path, typer.Argument(help="A file with an operation document, as clients send it.", dir_okay=False, exists=True)],
    scope: Annotated[
        list[str] | None, typer.Option(help="A scope of the caller. Repeat the option for several scopes; without it, the caller has all scopes.")
    ] = None,
) -> None:
    """Print the cost and the compiled plan of each operation in a document, as if every @include were true and every @skip false."""
    scopes = frozenset(SCOPES[name] for name in scope or SCOPES if name in SCOPES)
    try:
        for line in explanation(file.read_text(), scopes):
            typer.echo(line)
    except RequestRefused as refusal:
        sys.exit(report_error(refusal.errors[0]["message"]))


@app.command(name="settings")
def list_settings() -> None:
    """Print all settings as a file of environment variables."""
    typer.echo(settings.example(), nl=False)


@app.command()
def check() -> None:
    """Check whether the gateway can serve here: settings, MongoDB, clock, indexes. Exits with 1 if it can't."""
    findings = asyncio.run(check_deployment(settings.to_serve()))
    for ok, text in findings:
        error_console.print(f"[green]✓[/] {text}" if ok else f"[red]✗[/] {text}", highlight=False, soft_wrap=True)
    raise typer.Exit(0 if all(ok for ok, _ in findings) else 1)


def main() -> None:
    """Run the command. An error that the user can correct is printed as one sentence, without a traceback."""
    try:
        app()
    except (BadAddress, BadSettings, EmbeddedError, MongoUnreachable, server.AddressTaken) as error:
        sys.exit(report_error(str(error)))
    except OSError as error:
        if not error.filename:
            raise
        sys.exit(report_error(f"{error.filename} can't be used: {error.strerror}"))
    except KeyboardInterrupt:
        sys.exit(130)


def report_error(message: str) -> int:
    """Print an error to standard error. Returns the exit status for the process."""
    error_console.print(f"gateway: {message}", style="red", markup=False, highlight=False, soft_wrap=True)
    return 1


if __name__ == "__main__":
    main()
