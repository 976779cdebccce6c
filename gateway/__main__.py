"""The command `gateway`."""

import asyncio
import logging
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from domain.caller import Scope
from gateway import server, settings
from gateway.application import application, token_reader
from gateway.callers.tokens import SCOPES, WORKSPACE
from gateway.commands.check import check as checked
from gateway.commands.explain import explained
from gateway.development import keys as development
from gateway.development.dev import MongoAway
from gateway.development.dev import dev as develop
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
complain = Console(stderr=True)
logger = logging.getLogger("gateway")


@app.command()
def serve() -> None:
    """Serve. Every setting comes from the environment; see `gateway settings`."""
    chosen = settings.to_serve()
    logs.configure(chosen.log_level, chosen.log_format)
    for name in settings.unknown():
        logger.warning("%s is no setting; `gateway settings` lists them all", name)
    with server.listening(chosen.host, chosen.port) as bound:
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
        int, typer.Option(envvar="GATEWAY_PORT", help="The port to listen on; 0 takes a free one.", min=0, max=65535, show_envvar=True)
    ] = 8000,
    data_dir: Annotated[Path, typer.Option(help="Where the embedded MongoDB and the development keys are kept.")] = Path(".gateway"),
    demo: Annotated[bool, typer.Option(" /--no-demo", show_default=False, help="Without verifications that come and go by themselves.")] = True,
    credentials_file: Annotated[
        Path | None, typer.Option(help="Write addresses and tokens there too, as JSON, beside credentials.json in --data-dir.")
    ] = None,
    mongo_uri: Annotated[
        str | None, typer.Option(envvar="GATEWAY_MONGO_URI", help="A replica set to use in place of the embedded one.", show_envvar=True)
    ] = None,
) -> None:
    """Serve on a developer's machine: an embedded MongoDB, development tokens, a page to begin with, and demo data that lives on."""
    develop(host, port, data_dir, demo, credentials_file, mongo_uri)


@app.command()
def simulate(
    credentials_file: Annotated[Path, typer.Option(help="Addresses and tokens, such as .gateway/credentials.json, which `gateway dev` writes.")],
    url: Annotated[str | None, typer.Option(help="The gateway, where it is not the one of the credentials.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed leads the same lives.")] = 0,
    rate: Annotated[float, typer.Option(help="New verifications per second.")] = 1.0,
    count: Annotated[int | None, typer.Option(help="How many to begin; without an end where it is left out.")] = None,
    speed: Annotated[float, typer.Option(help="How much faster than life.")] = SPEED,
) -> None:
    """Lead verifications through realistic lives, through the public API."""
    raise typer.Exit(simulation.run(credentials_file, url=url, seed=seed, rate=rate, count=count, speed=speed))


@app.command()
def token(
    workspace: Annotated[str, typer.Option(help="The workspace that the token opens.")],
    scope: Annotated[list[str], typer.Option(help="A scope such as verification:read; may be given several times.")],
    ttl: Annotated[int, typer.Option(help="How long it is valid, in seconds.", min=1)] = 3600,
    subject: Annotated[str, typer.Option(help="Whom it speaks for.")] = "command line",
    data_dir: Annotated[Path, typer.Option(help="Where `gateway dev` keeps its keys, for want of GATEWAY_TOKEN_KEY.")] = Path(".gateway"),
) -> None:
    """Print a token signed with GATEWAY_TOKEN_KEY, or with the key of `gateway dev`."""
    unknown = [name for name in scope if name not in SCOPES or SCOPES[name] is Scope.FOLLOW]
    if unknown:
        usable = ", ".join(name for name, known in SCOPES.items() if known is not Scope.FOLLOW)
        raise typer.BadParameter(f"{unknown[0]} is not a scope that a token can be given here; these are: {usable}", param_hint="--scope")
    if not WORKSPACE.fullmatch(workspace):
        raise typer.BadParameter("a workspace is 1 to 64 letters, digits, '_', '.' and '-'", param_hint="--workspace")
    chosen = settings.read(development.offline(data_dir))
    if not chosen.token_key:
        raise BadSettings({"token_key": "is missing; with published keys, only the issuer can sign tokens"})
    reader = token_reader(chosen, utc_now)
    typer.echo(reader.token(subject, workspace, [SCOPES[name] for name in scope], timedelta(seconds=ttl)))


@app.command()
def schema() -> None:
    """Print the schema, in GraphQL's own language."""
    typer.echo(build().as_str())


@app.command()
def explain(
    file: Annotated[Path, typer.Argument(help="A document, as clients send it.", dir_okay=False, exists=True)],
    scope: Annotated[list[str] | None, typer.Option(help="A scope of the caller's; all of them where none is named.")] = None,
) -> None:
    """Print how a document would be executed: the source of its plans, everything included and nothing skipped."""
    scopes = frozenset(SCOPES[name] for name in scope or SCOPES if name in SCOPES)
    try:
        for line in explained(file.read_text(), scopes):
            typer.echo(line)
    except RequestRefused as refusal:
        sys.exit(told(refusal.errors[0]["message"]))


@app.command(name="settings")
def list_settings() -> None:
    """Print every setting, as a file of environment variables."""
    typer.echo(settings.example(), nl=False)


@app.command()
def check() -> None:
    """Look whether it would serve here: settings, MongoDB, clock, indexes."""
    findings = asyncio.run(checked(settings.to_serve()))
    for well, text in findings:
        complain.print(f"[green]✓[/] {text}" if well else f"[red]✗[/] {text}", highlight=False, soft_wrap=True)
    raise typer.Exit(0 if all(well for well, _ in findings) else 1)


def main() -> None:
    """Run the command; what its user can mend is told in a sentence."""
    try:
        app()
    except (BadAddress, BadSettings, EmbeddedError, MongoAway, server.AddressTaken) as error:
        sys.exit(told(str(error)))
    except OSError as error:
        if not error.filename:
            raise
        sys.exit(told(f"{error.filename} can't be used: {error.strerror}"))
    except KeyboardInterrupt:
        sys.exit(130)


def told(trouble: str) -> int:
    """Tell what went wrong; the status to exit with."""
    complain.print(f"gateway: {trouble}", style="red", markup=False, highlight=False, soft_wrap=True)
    return 1


if __name__ == "__main__":
    main()
