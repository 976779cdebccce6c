"""What the command `gateway` prints: the committed schema and settings, help, and tokens that a gateway accepts."""

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from typer.testing import CliRunner, Result

import gateway
import schema
from gateway.__main__ import app
from store.documents import SCHEMA
from store.indexes import VERIFICATIONS
from tests.factories import a_final_verification
from tests.processes.service import settings_at
from tests.serving import KEYS, Gateway
from tests.storing import encode


def run_command(*arguments: str, **environment: str) -> Result:
    """Run the command `gateway` and return its result. No GATEWAY_ variables are set, except those in `environment`."""
    unset: dict[str, str | None] = {name: None for name in os.environ if name.startswith("GATEWAY_")}
    return CliRunner().invoke(app, arguments, env={**unset, "COLUMNS": "200", **environment})


def test_the_printed_schema_equals_the_committed_schema() -> None:
    assert run_command("schema").stdout == (Path(schema.__file__).parent / "schema.graphql").read_text()


def test_the_printed_settings_equal_the_committed_example() -> None:
    assert run_command("settings").stdout == (Path(gateway.__file__).parent.parent / ".env.example").read_text()


@pytest.mark.parametrize("command", ["serve", "dev", "simulate", "token", "schema", "explain", "settings", "check", "migrate", "export", "erase"])
def test_every_command_has_help(command: str) -> None:
    result = run_command(command, "--help")

    assert f"{command} [OPTIONS]" in result.stdout
    assert result.exit_code == 0


def test_data_are_rotated_migrated_exported_and_erased(
    tmp_path: Path, mongo: MongoClient[dict[str, Any]], database_uri: str, database_name: str
) -> None:
    mongo[database_name][VERIFICATIONS].insert_one(encode(a_final_verification(reference="person-1")))
    environment = {**settings_at(8000), "GATEWAY_MONGO_URI": database_uri}
    person = ("--workspace", "acme", "--reference", "person-1")
    output = tmp_path / "export.jsonl"

    results = [
        run_command(*command, **environment)
        for command in (
            ("keys", "rotate"),
            ("migrate",),
            ("export", "--workspace", "acme"),
            ("export", *person, "--output", str(output)),
            ("erase", *person, "--dry-run"),
            ("erase", *person),
            ("erase", *person),
        )
    ]

    assert [result.exit_code for result in results] == [0] * 7, [result.output for result in results]
    assert results[0].stdout == "all personal data are encrypted under the key test; 0 verifications were rewritten\n"
    assert results[1].stdout == f"all documents have schema version {SCHEMA}; 0 were migrated\n"
    assert json.loads(results[2].stdout)["verification"]["declared"]["lastName"] == "Moreau"
    assert (output.read_text(), stat.S_IMODE(output.stat().st_mode)) == (results[2].stdout, 0o600)
    assert results[4].stdout.endswith("\tfailed\n")
    assert json.loads(results[5].stdout)["verifications"] == 1
    assert results[6].stdout == results[5].stdout


async def test_a_running_gateway_accepts_a_printed_token(shared_gateway: Gateway) -> None:
    options = ("--workspace", "acme-2", "--scope", "verification:read", "--scope", "verification:sensitive", "--subject", "me", "--ttl", "60")

    result = run_command("token", *options, GATEWAY_TOKEN_KEY=KEYS["token_key"])
    data = await shared_gateway.query("{ me { subject workspaceId scopes } }", token=result.stdout.strip())

    assert data["me"] == {"subject": "me", "workspaceId": "acme-2", "scopes": ["verification:read", "verification:sensitive"]}
