"""The command line: the command `gateway`, its subcommands and their options."""

import asyncio
import logging
import os
import sys
from collections.abc import Collection
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.console import Console
from rich.markup import escape

from domain.caller import WORKSPACE_NAME, Scope
from domain.delivery import DeliveryState
from domain.errors import Unavailable
from domain.webhook import WebhookState
from gateway import server, settings
from gateway.application import application, token_reader
from gateway.callers.tokens import MAX_SUBJECT_CHARACTERS, SCOPES
from gateway.commands import personal_data, upkeep
from gateway.commands.check import check as check_deployment
from gateway.commands.deliveries import (
    MAX_DELIVERIES,
    DeliveryError,
    list_deliveries,
    resend_all_failed,
    resend_one,
    show_delivery,
)
from gateway.commands.explain import explanation
from gateway.commands.inbox import MAX_LISTED, InboxError, apply_webhooks, list_webhooks, show_webhook
from gateway.commands.live_check import live_check
from gateway.commands.personal_data import PersonalDataError
from gateway.commands.upkeep import UpkeepError
from gateway.development import keys as development
from gateway.development.dev import dev as serve_for_development
from gateway.development.keys import BadKeys
from gateway.development.mongod import EmbeddedError
from gateway.errors import RequestRefused
from gateway.pages import board, follow
from gateway.process import logs
from gateway.process.garbage import collected_seldom
from gateway.process.mongo_check import MongoRefused, check_mongo
from gateway.settings import BadSettings
from providers.file import BadProvidersFile
from schema.build import build
from simulation import command as simulation
from simulation.runner import SPEED
from store.deployment.address import BadAddress
from store.verifications import utc_now

PACKAGE = "verification-gateway"

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
webhooks = typer.Typer(no_args_is_help=True, help="List, show and repeat the webhooks to the integrators' backends.")
app.add_typer(webhooks, name="deliveries")
inbox = typer.Typer(help="List, show and apply the webhooks that providers sent. The settings come from the environment.", no_args_is_help=True)
app.add_typer(inbox, name="inbox")
key_commands = typer.Typer(help="Change the keys that encrypt personal data. The settings come from the environment.", no_args_is_help=True)
app.add_typer(key_commands, name="keys")
error_console = Console(stderr=True)
logger = logging.getLogger("gateway")


def file_path(text: str) -> Path:
    """Parses an option that names a file. Raises: BadParameter if it is empty or a directory."""
    if not text or Path(text).is_dir():
        raise typer.BadParameter("it must name a file, and not a directory" if text else "it is empty; name a file")
    return Path(text)


def directory_path(text: str) -> Path:
    """Parses an option that names a directory. Raises: BadParameter if it is empty."""
    if not text:
        raise typer.BadParameter("it is empty; name a directory ('.' is the current one)")
    return Path(text)


def print_version(wanted: bool) -> None:
    """Print the version of the installed package, and end the command, if the option was given."""
    if wanted:
        typer.echo(f"gateway {version(PACKAGE)}")
        raise typer.Exit


@app.callback()
def command_line(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", callback=print_version, is_eager=True)] = False,
) -> None:
    """A GraphQL gateway for video identity verifications, with live status."""


@app.command()
def serve() -> None:
    """Run the gateway in production. All settings come from environment variables; `gateway settings` lists them."""
    server.hold_sighup()
    chosen = settings.to_serve()
    logs.configure_logging(chosen.log_level, chosen.log_format)
    for name in settings.unknown():
        logger.warning("%s is not a setting; `gateway settings` lists all settings", name)
    if not chosen.provider and not chosen.providers_file:
        logger.warning("neither GATEWAY_PROVIDER nor GATEWAY_PROVIDERS_FILE is set, so that no verification can be created")
    with server.listening_socket(chosen.host, chosen.port) as bound, server.admin_socket(chosen.host, chosen.admin_port) as admin:
        port = bound.getsockname()[1]

        async def main() -> None:
            pages = [*board.production_pages(chosen.board, chosen.processing_seconds), *follow.follow_routes()]
            app = application(chosen, pages=pages)
            health = app.process.health
            try:
                await check_mongo(health.store.database, "GATEWAY_MONGO_URI")
            except Unavailable as error:
                health.wait_for_mongo(error)
            async with collected_seldom():
                await server.Server(app, lambda: logger.info("listening on %s port %d", chosen.host, port), admin=admin).serve([bound])

        server.run_and_leave(main())


@app.command()
def dev(
    host: Annotated[str, typer.Option(envvar="GATEWAY_HOST", help="The address to listen on.", show_envvar=True)] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(envvar="GATEWAY_PORT", help="The port to listen on; 0 chooses a free port.", min=0, max=65535, show_envvar=True)
    ] = 8000,
    data_dir: Annotated[
        Path, typer.Option(help="The directory of the embedded MongoDB's data and of the development keys.", parser=directory_path)
    ] = Path(".gateway"),
    demo: Annotated[
        bool,
        typer.Option(" /--no-demo", show_default=False, help="Start without the demo, which creates verifications and drives them to an outcome."),
    ] = True,
    credentials_file: Annotated[
        Path | None,
        typer.Option(
            help="A second JSON file for the addresses and tokens. They are always written to credentials.json in --data-dir.", parser=file_path
        ),
    ] = None,
    mongo_uri: Annotated[
        str | None,
        typer.Option(envvar="GATEWAY_MONGO_URI", help="The URI of a MongoDB replica set to use instead of the embedded MongoDB.", show_envvar=True),
    ] = None,
    shared: Annotated[
        bool,
        typer.Option(
            "--shared",
            help="Others use this machine too: the page with the tokens opens only with a link, which is printed and works once. "
            "Always on if --host can be reached from other machines.",
        ),
    ] = False,
) -> None:
    """Run the gateway on a developer's machine, with an embedded MongoDB, development tokens, a web console and a live demo."""
    # Typer treats an empty environment variable as a missing one, so the embedded MongoDB would be used. But the user has probably set the variable
    # to use another MongoDB, and left it empty by mistake.
    if mongo_uri == "" or (mongo_uri is None and os.environ.get("GATEWAY_MONGO_URI") == ""):
        hint = "'--mongo-uri' (env var: 'GATEWAY_MONGO_URI')"
        raise typer.BadParameter("it is empty; name a replica set, or unset it to use the embedded MongoDB", param_hint=hint)
    serve_for_development(host, port, data_dir, demo, credentials_file, mongo_uri, shared)


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
    data_dir: Annotated[
        Path, typer.Option(help="The data directory of `gateway dev`, whose key signs if GATEWAY_TOKEN_KEY is not set.", parser=directory_path)
    ] = Path(".gateway"),
) -> None:
    """Print a token signed with GATEWAY_TOKEN_KEY, or with the key of `gateway dev`."""
    # The scope of follow tokens can't be chosen here, because only the running gateway issues them.
    scopes = scopes_named(scope, SCOPES.keys() - {Scope.FOLLOW.value})
    if not WORKSPACE_NAME.fullmatch(workspace):
        raise typer.BadParameter("a workspace has 1 to 64 characters: letters, digits, '_', '.' and '-'", param_hint="--workspace")
    if not 0 < len(subject) <= MAX_SUBJECT_CHARACTERS:
        raise typer.BadParameter(f"a subject has 1 to {MAX_SUBJECT_CHARACTERS} characters", param_hint="--subject")
    chosen = settings.read_settings(development.offline(data_dir))
    if not chosen.token_key:
        raise BadSettings(
            {
                "token_key": f"is missing, and {data_dir} has no key of `gateway dev`. Set it, or name the --data-dir of `gateway dev`. "
                "For a gateway that verifies with the issuer's published keys, only the issuer can sign tokens"
            }
        )
    if ttl > chosen.token_max_seconds:
        raise typer.BadParameter(f"gateways accept at most {chosen.token_max_seconds:g} s (GATEWAY_TOKEN_MAX_SECONDS)", param_hint="--ttl")
    typer.echo(token_reader(chosen, utc_now).token(subject, workspace, scopes, timedelta(seconds=ttl)))


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
    scopes = frozenset(scopes_named(scope or SCOPES, SCOPES.keys()))
    try:
        for line in explanation(file.read_text(encoding="utf-8"), scopes):
            typer.echo(line)
    except UnicodeDecodeError:
        sys.exit(report_error(f"{file} is not text in UTF-8"))
    except RequestRefused as refusal:
        sys.exit(report_error(f"{file}: {refusal.errors[0]['message']}"))


@app.command(name="settings")
def list_settings() -> None:
    """Print all settings as a file of environment variables."""
    typer.echo(settings.example(), nl=False)


@app.command()
def check(
    provider: Annotated[
        str | None, typer.Option(metavar="WORKSPACE", help="With --live: the workspace whose provider takes the verification.", show_default=False)
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Take one verification with made-up names through the provider of --provider, and do nothing else.")
    ] = False,
) -> None:
    """Check whether the gateway can serve here: settings, providers, MongoDB, clock, indexes. Exits with 1 if it can't."""
    if live != (provider is not None):
        raise typer.BadParameter("--provider and --live belong together", param_hint="--live")
    chosen = settings.to_serve()
    if provider:
        raise typer.Exit(0 if asyncio.run(live_check(chosen, provider, typer.echo)) else 1)
    findings = asyncio.run(check_deployment(chosen))
    for ok, text in findings:
        error_console.print(f"[green]✓[/] {escape(text)}" if ok else f"[red]✗[/] {escape(text)}", highlight=False, soft_wrap=True)
    raise typer.Exit(0 if all(ok for ok, _ in findings) else 1)


@webhooks.command(name="list")
def list_webhook_deliveries(
    workspace: Annotated[str | None, typer.Option(help="Only the deliveries of this workspace.")] = None,
    state: Annotated[list[DeliveryState] | None, typer.Option(help="Only deliveries in this state. Repeat the option for several states.")] = None,
    limit: Annotated[int, typer.Option(help="The greatest number of deliveries to list.", min=1, max=MAX_DELIVERIES)] = 100,
) -> None:
    """List deliveries, the last changed first: verification, workspace, state, events delivered and in total, next try, last error."""
    print_lines(asyncio.run(list_deliveries(settings.to_serve(), workspace, state or [], limit)))


@webhooks.command(name="show")
def show_webhook_delivery(id: Annotated[str, typer.Argument(help="The id of a verification.")]) -> None:
    """Show the delivery of one verification."""
    print_lines(asyncio.run(show_delivery(settings.to_serve(), id)))


@webhooks.command(name="resend")
def resend_webhook_deliveries(
    id: Annotated[str | None, typer.Argument(help="The id of a verification.")] = None,
    from_version: Annotated[
        int | None, typer.Option(help="The first event to send. Without it: the first one that was not accepted.", min=1, show_default=False)
    ] = None,
    failed_since: Annotated[datetime | None, typer.Option(help="Send again what was given up since this time, in UTC.", show_default=False)] = None,
    workspace: Annotated[
        str | None, typer.Option(help="With --failed-since: only this workspace. With an id: its workspace, if it has no delivery yet.")
    ] = None,
) -> None:
    """Send the events of one verification again, or of all verifications of which an event was given up."""
    if (id is None) is (failed_since is None) or (failed_since and from_version):
        raise typer.BadParameter("pass either an id, or --failed-since without --from-version")
    chosen = settings.to_serve()
    if id is not None:
        lines = asyncio.run(resend_one(chosen, id, workspace, from_version))
    else:
        assert failed_since
        lines = asyncio.run(resend_all_failed(chosen, failed_since.replace(tzinfo=UTC), workspace))
    print_lines(lines)


@inbox.command(name="list")
def list_inbox(
    workspace: Annotated[str | None, typer.Option(help="Only the webhooks of this workspace.")] = None,
    state: Annotated[list[WebhookState] | None, typer.Option(help="Only webhooks in this state. Repeat the option for several states.")] = None,
    limit: Annotated[int, typer.Option(help="The greatest number of webhooks to list.", min=1, max=MAX_LISTED)] = 100,
) -> None:
    """List webhooks, the newest first: id, time of receipt, state, provider, the provider's id of the verification, and the status."""
    print_lines(asyncio.run(list_webhooks(settings.to_serve(), workspace, state or [], limit)))


@inbox.command(name="show")
def show_inbox(id: Annotated[str, typer.Argument(help="The id of a webhook, as `gateway inbox list` prints it.")]) -> None:
    """Show what is stored of a webhook."""
    print_lines(asyncio.run(show_webhook(settings.to_serve(), id)))


@inbox.command(name="apply")
def apply_inbox(
    id: Annotated[str | None, typer.Argument(help="The id of a webhook, as `gateway inbox list` prints it.")] = None,
    unmatched: Annotated[bool, typer.Option("--unmatched", help="Apply all webhooks that match no verification.")] = False,
    workspace: Annotated[str | None, typer.Option(help="With --unmatched: only the webhooks of this workspace.")] = None,
) -> None:
    """Apply a webhook now, also if it was applied or given up before, or all webhooks that match no verification."""
    if (id is None) is not unmatched:
        raise typer.BadParameter("pass either an id or --unmatched")
    print_lines(asyncio.run(apply_webhooks(settings.to_serve(), id, workspace)))


@app.command()
def migrate() -> None:
    """Bring the documents of all verifications to the schema version of this release, while gateways serve. Can be repeated at any time."""
    typer.echo(asyncio.run(upkeep.migrate(settings.to_serve(), print_error)))


@key_commands.command(name="rotate")
def rotate_keys() -> None:
    """Encrypt all personal data under the first key of GATEWAY_DATA_KEYS, while gateways serve. Can be repeated at any time."""
    typer.echo(asyncio.run(upkeep.rotate_keys(settings.to_serve(), print_error)))


@app.command()
def export(
    workspace: Annotated[str, typer.Option(help="The workspace to export.")],
    reference: Annotated[str | None, typer.Option(help="Only what is stored under this reference of the integrator.", show_default=False)] = None,
    output: Annotated[Path | None, typer.Option(help="A new file to write to, instead of the standard output.", parser=file_path)] = None,
) -> None:
    """Write what is stored about verifications as JSON lines, with their personal data decrypted."""
    chosen = settings.to_serve()
    with private_file(output) if output else nullcontext(sys.stdout.buffer) as file:
        count = asyncio.run(personal_data.export(chosen, workspace, reference, file.write))
    print_error(f"{count} lines were written")


@app.command()
def erase(
    workspace: Annotated[str, typer.Option(help="The workspace of the verifications.")],
    reference: Annotated[str, typer.Option(help="The integrator's reference of the verifications to erase.")],
    close: Annotated[bool, typer.Option("--close", help="Close pending verifications first; without it, the command refuses them.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list the ids and statuses of the verifications.")] = False,
) -> None:
    """Delete all verifications with a reference, and everything that is stored about them. Prints a receipt without personal data."""
    chosen = settings.to_serve()
    if dry_run:
        print_lines(asyncio.run(personal_data.found_under(chosen, workspace, reference)))
        return
    for receipt in asyncio.run(personal_data.erase_reference(chosen, workspace, reference, close)):
        typer.echo(receipt, nl=False)


def private_file(path: Path) -> BinaryIO:
    """A new file that only the user of this process can read. Raises: FileExistsError."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def print_error(line: str) -> None:
    """Print a line to standard error."""
    typer.echo(line, err=True)


def print_lines(lines: list[str]) -> None:
    """Print lines to standard output, as they are."""
    for line in lines:
        typer.echo(line)


def scopes_named(names: Collection[str], usable: Collection[str]) -> list[Scope]:
    """The scopes with these names. Raises: BadParameter if a name is not one of the usable ones."""
    for name in names:
        if name not in usable:
            choice = ", ".join(name for name in SCOPES if name in usable)
            raise typer.BadParameter(f"'{name}' is not a scope that can be used here; choose from: {choice}", param_hint="--scope")
    return [SCOPES[name] for name in names]


def main() -> None:
    """Run the command. An error that the user can correct is printed as one sentence, without a traceback."""
    try:
        app()
    except (
        BadAddress,
        BadKeys,
        board.BoardNotBuilt,
        BadProvidersFile,
        BadSettings,
        DeliveryError,
        EmbeddedError,
        InboxError,
        MongoRefused,
        PersonalDataError,
        UpkeepError,
        server.AddressTaken,
    ) as error:
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
