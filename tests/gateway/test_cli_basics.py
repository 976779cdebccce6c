"""The command `gateway`, but for what serves."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import schema
from gateway.__main__ import app
from gateway.application import token_reader
from gateway.development import keys
from gateway.settings import example
from schema.build import build
from store.verifications import utc_now
from tests.processes.forwarder import forwarding
from tests.processes.process import running
from tests.serving import KEYS, Gateway, settings_for_tests

ENVIRONMENT = {
    **{f"GATEWAY_{name.upper()}": key for name, key in KEYS.items()},
    "GATEWAY_PROVIDER": "sandbox",
    "GATEWAY_PUBLIC_URL": "http://localhost",
}
COMMANDS = ["serve", "dev", "simulate", "token", "schema", "settings", "check", "health"]
ME = "{ me { subject workspaceId scopes } }"


def ran(*arguments: str, **environment: str) -> Result:
    """The outcome of a command, with nothing of the tests' own settings."""
    unset: dict[str, str | None] = {name: None for name in os.environ if name.startswith("GATEWAY_")}
    return CliRunner().invoke(app, arguments, env={**unset, "COLUMNS": "200", **environment})


def test_the_schema_is_printed_as_it_is_committed() -> None:
    result = ran("schema")

    assert result.stdout == (Path(schema.__file__).parent / "schema.graphql").read_text() == build().as_str() + "\n"
    assert result.exit_code == 0


def test_the_settings_are_printed_as_they_are_committed() -> None:
    result = ran("settings")

    assert result.stdout == example()
    assert result.exit_code == 0


def test_without_a_command_it_says_which_there_are() -> None:
    result = ran()

    assert all(command in result.output for command in COMMANDS)
    assert result.exit_code == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_and_its_options(command: str) -> None:
    result = ran(command, "--help")

    assert f"gateway {command}" in result.stdout or f"{command} [OPTIONS]" in result.stdout
    assert result.exit_code == 0


async def test_a_token_is_one_that_the_gateway_takes(shared_gateway: Gateway) -> None:
    options = ("--workspace", "acme-2", "--scope", "verification:read", "--scope", "verification:sensitive", "--subject", "me", "--ttl", "60")

    result = ran("token", *options, GATEWAY_TOKEN_KEY=KEYS["token_key"])
    answer = await shared_gateway.query(ME, token=result.stdout.strip())

    assert answer["me"] == {"subject": "me", "workspaceId": "acme-2", "scopes": ["verification:read", "verification:sensitive"]}


def test_a_token_is_signed_with_the_keys_for_development_for_want_of_others(tmp_path: Path) -> None:
    made = keys(tmp_path)

    result = ran("token", "--workspace", "demo", "--scope", "verification:report", "--data-dir", str(tmp_path))

    reader = token_reader(settings_for_tests("mongodb://unused", 0, token_key=made["token_key"]), utc_now)
    assert reader.caller(f"Bearer {result.stdout.strip()}").workspace == "demo"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--workspace", "acme", "--scope", "verification:follow"), "--scope"),
        (("--workspace", "acme", "--scope", "admin"), "--scope"),
        (("--workspace", "a/b", "--scope", "verification:read"), "--workspace"),
        (("--workspace", "", "--scope", "verification:read"), "--workspace"),
        (("--workspace", "acme"), "--scope"),
        (("--workspace", "acme", "--scope", "verification:read", "--ttl", "0"), "--ttl"),
    ],
)
def test_a_token_that_would_open_nothing_is_not_made(options: tuple[str, ...], named: str) -> None:
    result = ran("token", *options, GATEWAY_TOKEN_KEY=KEYS["token_key"])

    assert (result.exit_code, result.stdout) == (2, "")
    assert named in result.stderr


def test_a_check_finds_all_well_where_it_would_serve(database_uri: str) -> None:
    result = ran("check", GATEWAY_MONGO_URI=database_uri, **ENVIRONMENT)

    assert result.exit_code == 0
    assert [line.partition(":")[0] for line in result.stderr.splitlines()] == ["✓ settings", "✓ MongoDB", "✓ clock", "✓ indexes"]


async def test_a_check_of_what_serves_already_misses_no_index(gateway: Gateway, database_uri: str, tmp_path: Path) -> None:
    async with running(tmp_path, "check", GATEWAY_MONGO_URI=database_uri, **ENVIRONMENT) as command:
        status = await command.ended()

    assert status == 0
    assert "✓ indexes: all there" in command.errors.read_text()


async def test_a_check_without_mongodb_says_so_and_nothing_of_where_that_is(database_uri: str, tmp_path: Path) -> None:
    async with (
        forwarding(database_uri) as way,
        running(tmp_path, "check", GATEWAY_MONGO_URI=way.uri, GATEWAY_DATABASE_SECONDS="0.5", **ENVIRONMENT) as command,
    ):
        status = await command.ended()

    told = command.errors.read_text()
    assert status == 1
    assert [line.partition(":")[0] for line in told.splitlines()] == ["✓ settings", "✗ MongoDB"]
    assert "127.0.0.1" not in told


@pytest.mark.parametrize("command", ["serve", "check"])
async def test_keys_for_development_are_refused_where_users_could_come(command: str, tmp_path: Path) -> None:
    made = {f"GATEWAY_{name.upper()}": key for name, key in keys(tmp_path).items()}

    async with running(tmp_path, command, **{**ENVIRONMENT, **made, "GATEWAY_MONGO_URI": "mongodb://mongo.example"}) as running_command:
        status = await running_command.ended()

    told = running_command.errors.read_text()
    assert status == 1
    assert told.startswith("gateway: ")
    assert all(name in told and key not in told for name, key in made.items())
    assert "Traceback" not in told
