"""What the command `gateway` prints: the committed schema and settings, help, and tokens that a gateway accepts."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import gateway
import schema
from gateway.__main__ import app
from tests.serving import KEYS, Gateway


def run_command(*arguments: str, **environment: str) -> Result:
    """Run the command `gateway` and return its result. No GATEWAY_ variables are set, except those in `environment`."""
    unset: dict[str, str | None] = {name: None for name in os.environ if name.startswith("GATEWAY_")}
    return CliRunner().invoke(app, arguments, env={**unset, "COLUMNS": "200", **environment})


def test_the_printed_schema_equals_the_committed_schema() -> None:
    assert run_command("schema").stdout == (Path(schema.__file__).parent / "schema.graphql").read_text()


def test_the_printed_settings_equal_the_committed_example() -> None:
    assert run_command("settings").stdout == (Path(gateway.__file__).parent.parent / ".env.example").read_text()


@pytest.mark.parametrize("command", ["serve", "dev", "simulate", "token", "schema", "explain", "settings", "check"])
def test_every_command_has_help(command: str) -> None:
    result = run_command(command, "--help")

    assert f"{command} [OPTIONS]" in result.stdout
    assert result.exit_code == 0


async def test_a_running_gateway_accepts_a_printed_token(shared_gateway: Gateway) -> None:
    options = ("--workspace", "acme-2", "--scope", "verification:read", "--scope", "verification:sensitive", "--subject", "me", "--ttl", "60")

    result = run_command("token", *options, GATEWAY_TOKEN_KEY=KEYS["token_key"])
    data = await shared_gateway.query("{ me { subject workspaceId scopes } }", token=result.stdout.strip())

    assert data["me"] == {"subject": "me", "workspaceId": "acme-2", "scopes": ["verification:read", "verification:sensitive"]}
