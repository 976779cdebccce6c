"""Tests the commands that end by themselves, and that every command refuses invalid settings and options before it starts anything."""

import asyncio
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from domain.caller import Scope
from gateway.application import token_reader
from gateway.commands.findings import Problem
from gateway.development import keys as development
from gateway.server import listening_socket
from gateway.settings import DEVELOPMENT_PREFIX, Settings, variable
from store import indexes
from store.driver import close_client, connect, database
from store.verifications import utc_now
from tests.processes.invocation import Run
from tests.processes.service import settings_at
from tests.serving import KEYS, SIGNING_KEYS, settings_for_tests

KEY_SETTINGS = {variable(name): key for name, key in SIGNING_KEYS.items()}
SETTINGS = {**settings_at(8000), "GATEWAY_PORT": "0"}
SDL = Path(__file__).parents[2] / "schema" / "schema.graphql"


def test_every_missing_setting_is_named(run: Run) -> None:
    outcome = run("serve")

    errors = [line.strip() for line in outcome.errors.splitlines()[1:]]
    missing = ("MONGO_URI", "SIGNING_KEY", "FINGERPRINT_KEY", "DATA_KEYS", "PUBLIC_URL")
    assert outcome.status == 1
    assert errors[:-2] == [f"GATEWAY_{name}: is missing" for name in missing]
    assert errors[-2] == "GATEWAY_TOKEN_ISSUER: is missing"
    assert errors[-1].startswith("GATEWAY_TOKEN_JWKS_URL: is missing; set it, or GATEWAY_TOKEN_JWKS_FILE, or GATEWAY_TOKEN_KEY")


def test_an_invalid_trusted_document_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"good": "{ me { subject } }", "bad": "{ user { name } }"}')

    outcome = run("serve", GATEWAY_MONGO_URI="mongodb://127.0.0.1:1", GATEWAY_TRUSTED_DOCUMENTS="manifest.json", **SETTINGS)

    assert (outcome.status, outcome.output) == (1, "")
    assert "GATEWAY_TRUSTED_DOCUMENTS: bad: Cannot query field 'user' on type 'Query'." in outcome.errors


@pytest.mark.parametrize(
    ("changed", "reason"),
    [({"GATEWAY_ALLOW_SANDBOX": ""}, "is sandbox, where anyone"), ({"GATEWAY_PROVIDER": "other"}, "Input should be 'sandbox' or 'external'")],
)
def test_a_provider_that_is_not_fit_for_production_is_refused(run: Run, changed: dict[str, str], reason: str) -> None:
    outcome = run("serve", GATEWAY_MONGO_URI="mongodb://127.0.0.1:1", **{**SETTINGS, **changed})

    [line] = outcome.errors.splitlines()[1:]
    assert outcome.status == 1
    assert line.strip().startswith(f"GATEWAY_PROVIDER: {reason}")


def test_a_missing_issuer_is_refused(run: Run) -> None:
    outcome = run("serve", GATEWAY_MONGO_URI="mongodb://127.0.0.1:1", **{**SETTINGS, "GATEWAY_TOKEN_ISSUER": ""})

    assert (outcome.status, outcome.errors.splitlines()[1].split(":")[0].strip()) == (1, "GATEWAY_TOKEN_ISSUER")


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        pytest.param(DEVELOPMENT_PREFIX + "0123456789-abcdefghijklmnopqrstu", "was made for development", id="of development"),
        pytest.param("canary-short", "must have at least 32 characters", id="short"),
        pytest.param("canary" * 8, "is too simple to be a key", id="simple"),
    ],
)
def test_a_weak_key_is_refused_and_not_shown(run: Run, key: str, reason: str) -> None:
    settings = {**SETTINGS, **dict.fromkeys(KEY_SETTINGS, key)}

    outcome = run("serve", GATEWAY_MONGO_URI="mongodb://127.0.0.1:1", **settings)

    lines = outcome.errors.splitlines()
    assert outcome.status == 1
    assert lines[0] == "gateway: These settings are missing or invalid:"
    assert sorted(line.partition(f": {reason}")[0].strip() for line in lines[1:]) == sorted(KEY_SETTINGS)
    assert key not in outcome.errors


@pytest.mark.parametrize("uri", ["nonsense", "mongodb://user:canary/secret@127.0.0.1:1/x", "mongodb://user:canary@127.0.0.1:0x1"])
def test_an_invalid_mongodb_uri_is_refused_and_not_shown(run: Run, uri: str) -> None:
    outcome = run("check", GATEWAY_MONGO_URI=uri, **SETTINGS)

    assert outcome.status == Problem.MONGO_ADDRESS
    assert outcome.errors.splitlines()[-1].startswith("✗ MongoDB's address (GATEWAY_MONGO_URI, or --mongo-uri of `gateway dev`) can't be read: ")
    assert "canary" not in outcome.errors


def test_an_invalid_port_is_refused(run: Run) -> None:
    outcome = run("dev", "--port", "65536")

    assert outcome.status == 2
    assert "'--port'" in outcome.errors


def test_a_taken_port_is_reported_before_anything_is_started(run: Run) -> None:
    with listening_socket("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        outcome = run("dev", "--port", str(port))

    message = "(Address already in use); choose another port with GATEWAY_PORT, or with `gateway dev --port`\n"
    assert (outcome.status, outcome.output, outcome.errors) == (1, "", f"gateway: can't listen on 127.0.0.1:{port} {message}")
    assert list(Path(".gateway").iterdir()) == []


def test_an_unusable_data_directory_is_refused(run: Run) -> None:
    Path("file").touch()

    outcome = run("dev", "--port", "0", "--data-dir", "file")

    assert outcome == (1, "", "gateway: file can't be used: File exists; choose another --data-dir\n")


async def test_a_token_has_the_given_workspace_scopes_and_lifetime(run: Run) -> None:
    options = ("--workspace", "acme", "--scope", "verification:read", "--scope", "verification:report", "--ttl", "60", "--subject", "Jo")
    before = utc_now()

    outcome = run("token", *options, GATEWAY_TOKEN_KEY=KEYS["token_key"])

    caller = await token_reader(settings_for_tests("mongodb://unused", 0), utc_now).caller(f"Bearer {outcome.output.strip()}")
    assert (outcome.status, outcome.errors) == (0, "")
    assert (caller.subject, caller.workspace, caller.scopes) == ("Jo", "acme", frozenset({Scope.READ, Scope.REPORT}))
    assert caller.expires_at is not None
    assert timedelta(seconds=58) < caller.expires_at - before < timedelta(seconds=90)


async def test_without_a_token_key_tokens_are_signed_with_the_development_key(run: Run) -> None:
    keys = development.keys(Path(".gateway"))

    outcome = run("token", "--workspace", "demo", "--scope", "verification:read")

    chosen = settings_for_tests("mongodb://unused", 0, **keys)
    assert outcome.status == 0
    assert (await token_reader(chosen, utc_now).caller(f"Bearer {outcome.output.strip()}")).workspace == "demo"


@pytest.mark.parametrize(
    ("workspace", "scope", "message"),
    [
        pytest.param("a b", "verification:read", "--workspace", id="a blank in the workspace"),
        pytest.param("demo", "verification:all", "verification:all", id="an unknown scope"),
        pytest.param("demo", "verification:follow", "verification:follow", id="only the gateway signs follow tokens"),
    ],
)
def test_an_invalid_workspace_or_scope_is_refused(run: Run, workspace: str, scope: str, message: str) -> None:
    outcome = run("token", "--workspace", workspace, "--scope", scope, GATEWAY_TOKEN_KEY=KEYS["token_key"])

    assert (outcome.status, outcome.output) == (2, "")
    assert message in outcome.errors


def test_without_a_key_no_token_is_printed(run: Run) -> None:
    outcome = run("token", "--workspace", "demo", "--scope", "verification:read")

    assert (outcome.status, outcome.output) == (1, "")
    assert outcome.errors.splitlines()[1].startswith("  GATEWAY_TOKEN_KEY: is missing, and .gateway has no key of `gateway dev`.")


def test_the_printed_schema_equals_the_committed_schema(run: Run) -> None:
    assert run("schema") == (0, SDL.read_text(), "")


def test_all_settings_are_printed_as_a_file_of_environment_variables(run: Run) -> None:
    outcome = run("settings")

    lines = [line.lstrip("#") for line in outcome.output.splitlines() if not line.startswith("# ")]
    assert (outcome.status, outcome.errors) == (0, "")
    assert [line.partition("=")[0] for line in lines if line] == [variable(name) for name in Settings.model_fields]


def test_the_check_succeeds_if_the_gateway_can_serve(run: Run, database_uri: str) -> None:
    async def prepared() -> None:
        client = connect(database_uri, 10)
        await indexes.ensure(database(client))
        close_client(client)

    first = run("check", GATEWAY_MONGO_URI=database_uri, **SETTINGS)
    asyncio.run(prepared())
    second = run("check", GATEWAY_MONGO_URI=database_uri, **SETTINGS)

    assert (first.status, second.status) == (0, 0)
    assert "will be created when the gateway starts" in first.errors
    assert second.errors.splitlines()[:2] == ["✓ settings: complete", "✓ provider: sandbox"]
    assert "✓ write and change stream: a majority acknowledged a write" in second.errors
    assert second.errors.splitlines()[-1] == "✓ indexes: complete"


def test_the_check_reports_an_unreachable_mongodb_without_its_address(run: Run) -> None:
    with listening_socket("127.0.0.1", 0) as silent:
        uri = f"mongodb://user:canary@127.0.0.1:{silent.getsockname()[1]}/gateway"
        outcome = run("check", GATEWAY_MONGO_URI=uri, GATEWAY_DATABASE_SECONDS="1", **SETTINGS)

    assert outcome.status == Problem.MONGO_UNREACHABLE
    assert "✗ MongoDB: no primary answered" in outcome.errors
    assert urlsplit(uri).netloc not in outcome.errors


def test_without_a_command_all_commands_are_listed(run: Run) -> None:
    outcome = run()

    assert outcome.status == 2
    assert all(command in outcome.output for command in ("serve", "dev", "simulate", "token", "schema", "settings", "check"))


@pytest.mark.parametrize("options", [("--live",), ("--provider", "acme")])
def test_a_live_check_needs_both_options(run: Run, options: tuple[str, ...]) -> None:
    outcome = run("check", *options, GATEWAY_MONGO_URI="mongodb://127.0.0.1:1", **SETTINGS)

    assert outcome.status == 2
    assert "--provider and --live belong together" in outcome.errors


def test_a_live_check_needs_a_workspace_of_the_providers_file(run: Run) -> None:
    outcome = run("check", "--provider", "acme", "--live", GATEWAY_MONGO_URI="mongodb://127.0.0.1:1", **SETTINGS)

    assert outcome.status == 1
    assert outcome.output.startswith("The workspace acme has no provider that can be queried")


def test_a_providers_file_that_cannot_be_used_is_refused_with_each_reason(run: Run, tmp_path: Path) -> None:
    (tmp_path / "providers.toml").write_text('[acme]\nprovider = "yousign"\napi_key = "canary"\n[other]\nprovider = "unknown"\n')

    outcome = run("serve", GATEWAY_MONGO_URI="mongodb://127.0.0.1:1", GATEWAY_PROVIDERS_FILE="providers.toml", **SETTINGS)

    assert outcome.status == 1
    assert outcome.errors.splitlines() == [
        "gateway: The providers file providers.toml can't be used:",
        "  [acme] api_key must not be in this file; name its source with api_key_env or api_key_file",
        '  [other] provider: must be "yousign", "external" or "sandbox"',
    ]
