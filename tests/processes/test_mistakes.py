"""Tests mistakes on the command line: what is printed, and that nothing was started."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from gateway.development.mongod import EmbeddedMongo, find_mongod, listening, unused
from gateway.development.mongod import running as running_mongod
from gateway.server import listening_socket
from store.driver import Unsuitable, close_client, connect, database
from store.inspection.deployment import examine
from store.verifications import utc_now
from tests.processes.invocation import Run
from tests.processes.process import running
from tests.processes.service import settings_at

SETTINGS = {**settings_at(0), "GATEWAY_MONGO_URI": "mongodb://127.0.0.1:1/x"}
TOKEN = ("token", "--workspace", "demo", "--scope", "verification:read")
DEV = ("dev", "--port", "0")
UNREADABLE = "MongoDB's address (GATEWAY_MONGO_URI, or --mongo-uri of `gateway dev`) can't be read: "
REFUSED = "MongoDB at --mongo-uri (or GATEWAY_MONGO_URI) can't be used: "


def without_frame(errors: str) -> str:
    """The error output of a command in one line, without the frame that Typer draws."""
    return " ".join(line.strip("│╭╮╰╯─ ") for line in errors.splitlines())


async def mistake(directory: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    """Run a command that has to fail and print nothing to stdout, as a process. Returns its exit status, and its error output in one line."""
    async with running(directory, *arguments, COLUMNS="300", **environment) as command:
        status = await command.ended()
    errors = command.errors.read_text()
    assert command.output.read_text() == ""
    assert "Traceback" not in errors
    return status, without_frame(errors)


@pytest.fixture(scope="module")
def standalone_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of a MongoDB that is not a replica set."""
    directory, port = tmp_path_factory.mktemp("standalone"), unused(0)
    (directory / "data").mkdir()
    command = [str(find_mongod()), "--dbpath", str(directory / "data"), "--bind_ip", "127.0.0.1", "--port", str(port), "--nounixsocket"]
    with running_mongod(command, directory / "log") as process:
        assert listening(process, directory / "log")
        yield f"mongodb://127.0.0.1:{port}/gateway"


@pytest.mark.parametrize(
    ("arguments", "environment", "status", "message"),
    [
        pytest.param((*DEV, "--mongo-uri", ""), {}, 2, "--mongo-uri' (env var: 'GATEWAY_MONGO_URI'): it is empty", id="an empty address"),
        pytest.param(DEV, {"GATEWAY_MONGO_URI": ""}, 2, "--mongo-uri' (env var: 'GATEWAY_MONGO_URI'): it is empty", id="an empty variable"),
        pytest.param((*DEV, "--data-dir", ""), {}, 2, "'--data-dir': it is empty", id="a data directory without name"),
        pytest.param((*DEV, "--credentials-file", "."), {}, 2, "'--credentials-file': it must name a file", id="a directory for the credentials"),
        pytest.param((*TOKEN, "--data-dir", "damaged"), {}, 1, "damaged/keys.json holds no development keys that can be read", id="damaged keys"),
        pytest.param((*TOKEN, "--ttl", "0"), {}, 2, "Invalid value for '--ttl'", id="a lifetime of nothing"),
        pytest.param((*TOKEN, "--ttl", "86401"), SETTINGS, 2, "gateways accept at most 86400 s", id="a lifetime that every gateway refuses"),
        pytest.param((*TOKEN, "--ttl", "9" * 20), SETTINGS, 2, "gateways accept at most 86400 s", id="a lifetime beyond all dates"),
        pytest.param((*TOKEN, "--subject", ""), SETTINGS, 2, "a subject has 1 to 255 characters", id="an empty subject"),
        pytest.param(
            ("explain", "operation.graphql", "--scope", "typo"),
            {},
            2,
            "'typo' is not a scope that can be used here; choose from: verification:read, verification:write,",
            id="a scope that does not exist",
        ),
        pytest.param(("explain", "missing.graphql"), {}, 2, "file 'missing.graphql' does not exist", id="a missing file"),
        pytest.param(("explain", "binary.graphql"), {}, 1, "binary.graphql is not text in UTF-8", id="a file that is not text"),
        pytest.param(("serve",), {**SETTINGS, "GATEWAY_MONGO_URI": ""}, 1, "GATEWAY_MONGO_URI: is empty", id="an empty setting"),
        pytest.param(("check",), {**SETTINGS, "GATEWAY_TOKEN_JWKS_FILE": "missing"}, 10, "GATEWAY_TOKEN_JWKS_FILE: can't be read", id="no key set"),
        pytest.param(
            ("check",), {**SETTINGS, "GATEWAY_DATABASE_SECONDS": "0.5"}, 21, "✗ MongoDB: no primary answered within 0.5 s;", id="a short time-out"
        ),
    ],
)
def test_a_mistake_is_reported_with_what_to_do(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, str], status: int, message: str
) -> None:
    (tmp_path / "operation.graphql").write_text("{ me { subject } }")
    (tmp_path / "binary.graphql").write_bytes(b"\xff\xfe")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "keys.json").write_text('{"token_key": 3}')

    outcome = run(*arguments, COLUMNS="300", **environment)

    errors = without_frame(outcome.errors)
    assert outcome.output == ""
    assert (outcome.status, message in errors) == (status, True), errors


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        pytest.param("nonsense", UNREADABLE + "it does not begin with mongodb://", id="an address without scheme"),
        pytest.param("mongodb://127.0.0.1:1/x", REFUSED + "no primary answered within 5 s", id="an address of no server"),
    ],
)
async def test_a_mongodb_that_cannot_be_used_is_reported(tmp_path: Path, uri: str, message: str) -> None:
    ended, errors = await mistake(tmp_path, *DEV, "--mongo-uri", uri)

    assert (ended, message in errors) == (1, True), errors


async def test_a_taken_port_is_reported_with_the_option_that_changes_it(tmp_path: Path) -> None:
    with listening_socket("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        ended, errors = await mistake(tmp_path, "dev", "--port", str(port))

    assert ended == 1
    assert errors == (
        f"gateway: can't listen on 127.0.0.1:{port} (Address already in use); choose another port with GATEWAY_PORT, or with `gateway dev --port`"
    )


@pytest.mark.parametrize(("command", "status"), [(DEV, 1), (("serve",), 1), (("check",), 23)])
async def test_a_mongodb_that_is_not_a_replica_set_is_refused(tmp_path: Path, standalone_uri: str, command: tuple[str, ...], status: int) -> None:
    ended, errors = await mistake(tmp_path, *command, **{**SETTINGS, "GATEWAY_MONGO_URI": standalone_uri})

    assert (ended, "it is not a replica set, and change streams need one" in errors) == (status, True), errors


@pytest.mark.parametrize(("command", "status"), [(DEV, 1), (("serve",), 1), (("check",), 22)])
async def test_a_wrong_password_is_reported_and_not_shown(tmp_path: Path, standalone_uri: str, command: tuple[str, ...], status: int) -> None:
    uri = standalone_uri.replace("//", "//user:canary@")

    ended, errors = await mistake(tmp_path, *command, **{**SETTINGS, "GATEWAY_MONGO_URI": uri})

    assert (ended, "it refuses the user name or the password" in errors) == (status, True), errors
    assert "canary" not in errors


async def test_a_host_name_without_srv_records_is_reported() -> None:
    # The top-level domain `invalid` is reserved (RFC 2606): no name below it can be looked up.
    client = connect("mongodb+srv://nowhere.invalid/x", timeout_seconds=5)

    with pytest.raises(Unsuitable, match="the host in the address can't be looked up"):
        await examine(database(client))
    close_client(client)


async def test_a_member_that_is_not_the_primary_is_reported(tmp_path: Path) -> None:
    with EmbeddedMongo(tmp_path) as mongo, MongoClient[dict[str, Any]](mongo.uri) as administrator:
        client = connect(mongo.uri, timeout_seconds=5)
        before = await examine(database(client))
        administrator.admin.command("replSetStepDown", 60, force=True)

        with pytest.raises(Unsuitable, match="this member is not the primary"):
            await examine(database(client))
        close_client(client)

    assert abs(before.time - utc_now()) < timedelta(minutes=1)


async def test_the_version_is_that_of_the_package(tmp_path: Path) -> None:
    project = Path(__file__).parents[2] / "pyproject.toml"
    declared = next(line.split('"')[1] for line in project.read_text().splitlines() if line.startswith("version = "))

    async with running(tmp_path, "--version") as command:
        status = await command.ended()

    assert (status, command.output.read_text(), command.errors.read_text()) == (0, f"gateway {declared}\n", "")
