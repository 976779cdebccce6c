"""The clients that frontends use, on Node, against the gateway: graphql-ws, graphql-sse and EventSource."""

import asyncio
import json
import os
import shutil
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest

from tests.serving import KEYS, Gateway, serving

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SDL = ROOT / "schema" / "schema.graphql"
SECONDS = 60


@pytest.fixture(scope="module")
def node() -> str:
    """Node, with what the clients need."""
    found = shutil.which("node")
    if found and (HERE / "node_modules" / ".package-lock.json").exists():
        return found
    reason = "node_modules is missing in tests/clients: run `make setup`" if found else "Node is missing: install Node 20 or newer"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.mark.parametrize("directory", ["tests/clients", "web/graphiql"])
def test_the_lock_holds_hashes_and_no_addresses(directory: str) -> None:
    lock = (ROOT / directory / "package-lock.json").read_text()

    installed = [package for name, package in json.loads(lock)["packages"].items() if name]
    assert all(package["integrity"].startswith("sha512-") for package in installed)
    assert "resolved" not in lock
    assert "://" not in lock


async def run(node: str, script: str, gateway: Gateway, **given: str) -> None:
    environment = {"PATH": os.environ["PATH"], "GATEWAY_URL": gateway.url, "TOKEN_KEY": KEYS["token_key"], **given}
    process = await asyncio.create_subprocess_exec(node, HERE / script, env=environment, stdout=PIPE, stderr=STDOUT)
    try:
        output, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, output.decode()


SCRIPTS = {
    "a life with a retry is followed without a gap": "followed.js",
    "a dropped connection is resumed without loss or doubles": "dropped.js",
    "a client whose token expired goes on with a new one": "expired.js",
    "graphql-sse goes on after what it saw": "graphql_sse.js",
    "an EventSource goes on after the last event's id": "event_source.js",
    "requests that offer an upgrade are answered on a kept connection": "offers.js",
    "every audit of GraphQL over HTTP is ok": "audits.js",
    "Apollo Client follows, resumes and keeps its cache current": "apollo.js",
    "urql follows, resumes and keeps its cache current": "urql.js",
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
async def test_clients_on_node(node: str, gateway: Gateway, script: str) -> None:
    await run(node, script, gateway)


@pytest.mark.parametrize("remembers", [True, False])
async def test_apollo_client_and_urql_send_hashes_in_place_of_documents(node: str, database_uri: str, remembers: bool) -> None:
    async with serving(database_uri, persisted_queries=remembers) as gateway:
        await run(node, "persisted.js", gateway, REMEMBERS="yes" if remembers else "no")


async def compiled(node: str, directory: Path, **given: object) -> str:
    """What Relay's compiler made of the operations."""
    shutil.copytree(HERE / "relay", directory / "source")
    shutil.copy(SDL, directory / "schema.graphql")
    (directory / "package.json").write_text('{"type": "module"}')
    config = {"src": "source", "artifactDirectory": "artifacts", "schema": "schema.graphql", "language": "javascript", "eagerEsModules": True}
    (directory / "relay.config.json").write_text(json.dumps({**config, **given}))
    (directory / "artifacts").mkdir()
    compiler = HERE / "node_modules" / "relay-compiler" / "cli.js"
    process = await asyncio.create_subprocess_exec(node, compiler, "relay.config.json", cwd=directory, stdout=PIPE, stderr=STDOUT)
    told, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    assert process.returncode == 0, told.decode()
    return str(directory / "artifacts")


async def test_relay_compiles_against_the_schema_and_runs(node: str, gateway: Gateway, tmp_path: Path) -> None:
    await run(node, "relay.js", gateway, ARTIFACTS=await compiled(node, tmp_path))


async def test_relay_names_the_documents_that_its_compiler_made_a_manifest_of(node: str, database_uri: str, tmp_path: Path) -> None:
    manifest = tmp_path / "persisted.json"
    manifest.write_text("{}")
    artifacts = await compiled(node, tmp_path, persistConfig={"file": manifest.name, "algorithm": "MD5"})

    async with serving(database_uri, trusted_documents=manifest) as gateway:
        await run(node, "relay.js", gateway, ARTIFACTS=artifacts)
        assert 'gateway_documents_total{kind="trusted"}' in (await gateway.client.get("/metrics")).text
