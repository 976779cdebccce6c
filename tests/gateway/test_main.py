"""What the command `gateway` prints, against what the project and a running gateway have."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import gateway
import schema
from gateway.__main__ import app
from tests.serving import KEYS, Gateway


def ran(*arguments: str, **environment: str) -> Result:
    """The outcome of a command, with nothing of the tests' own settings."""
    unset: dict[str, str | None] = {name: None for name in os.environ if name.startswith("GATEWAY_")}
    return CliRunner().invoke(app, arguments, env={**unset, "COLUMNS": "200", **environment})


def test_the_schema_is_printed_as_it_is_committed() -> None:
    assert ran("schema").stdout == (Path(schema.__file__).parent / "schema.graphql").read_text()


def test_the_settings_are_printed_as_they_are_committed() -> None:
    assert ran("settings").stdout == (Path(gateway.__file__).parent.parent / ".env.example").read_text()


@pytest.mark.parametrize("command", ["serve", "dev", "simulate", "token", "schema", "settings", "check"])
def test_every_command_explains_itself(command: str) -> None:
    result = ran(command, "--help")

    assert f"{command} [OPTIONS]" in result.stdout
    assert result.exit_code == 0


async def test_a_token_is_one_that_a_running_gateway_takes(shared_gateway: Gateway) -> None:
    options = ("--workspace", "acme-2", "--scope", "verification:read", "--scope", "verification:sensitive", "--subject", "me", "--ttl", "60")

    result = ran("token", *options, GATEWAY_TOKEN_KEY=KEYS["token_key"])
    answer = await shared_gateway.query("{ me { subject workspaceId scopes } }", token=result.stdout.strip())

    assert answer["me"] == {"subject": "me", "workspaceId": "acme-2", "scopes": ["verification:read", "verification:sensitive"]}
