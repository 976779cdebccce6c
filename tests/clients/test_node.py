"""Tests that the clients of frontends work with the gateway: graphql-ws, graphql-sse, EventSource, Apollo Client, urql and Relay, all on Node."""

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


@pytest.mark.parametrize("directory", ["tests/clients", "web", "web/react/react18", "web/graphiql"])
def test_the_lock_file_contains_hashes_and_no_addresses(directory: str) -> None:
    lock = (ROOT / directory / "package-lock.json").read_text()

    packages = json.loads(lock)["packages"]
    # Leave out the packages of npm's workspace. They are links to folders of this repository, so they need no hash.
    installed = [package for name, package in packages.items() if name.startswith("node_modules/") and "link" not in package]
    assert installed
    assert all(package["integrity"].startswith("sha512-") for package in installed)
    assert not any("resolved" in package for package in installed)
    assert "://" not in lock


async def run(node: str, script: str, gateway: Gateway, **variables: str) -> None:
    environment = {"PATH": os.environ["PATH"], "GATEWAY_URL": gateway.url, "TOKEN_KEY": KEYS["token_key"], **variables}
    process = await asyncio.create_subprocess_exec(node, HERE / script, env=environment, stdout=PIPE, stderr=STDOUT)
    try:
        output, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, output.decode()


SCRIPTS = {
    "all events of a verification and its retry arrive": "followed.js",
    "a dropped connection is resumed without lost events": "dropped.js",
    "a client resumes with a new token after its token expired": "expired.js",
    "graphql-sse resumes after the last event": "graphql_sse.js",
    "an EventSource resumes after the last event's id": "event_source.js",
    "requests that offer an upgrade are answered on a kept connection": "offers.js",
    "every audit of GraphQL over HTTP is ok": "audits.js",
    "Apollo Client follows, resumes and updates its cache": "apollo.js",
    "urql follows, resumes and updates its cache": "urql.js",
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
async def test_clients_on_node(node: str, gateway: Gateway, script: str) -> None:
    await run(node, script, gateway)


@pytest.mark.parametrize("stores_documents", [True, False])
async def test_apollo_client_and_urql_send_hashes_instead_of_documents(node: str, database_uri: str, stores_documents: bool) -> None:
    async with serving(database_uri, persisted_queries=stores_documents) as gateway:
        await run(node, "persisted.js", gateway, STORES_DOCUMENTS="yes" if stores_documents else "no")


async def compiled(node: str, directory: Path, **options: object) -> str:
    """Compile the operations in `relay/` with Relay's compiler. Returns the directory with the compiled operations."""
    shutil.copytree(HERE / "relay", directory / "source")
    await compile_operations(node, directory, "artifacts", **options)
    return str(directory / "artifacts")


async def compile_operations(node: str, directory: Path, artifacts: str, **options: object) -> None:
    """Compile the operations in the folder `source` of a directory with Relay's compiler. `artifacts`: the name of the folder for the results."""
    shutil.copy(SDL, directory / "schema.graphql")
    (directory / "package.json").write_text('{"type": "module"}')
    config = {"src": "source", "artifactDirectory": artifacts, "schema": "schema.graphql", "language": "javascript", "eagerEsModules": True}
    (directory / "relay.config.json").write_text(json.dumps({**config, **options}))
    (directory / artifacts).mkdir()
    compiler = HERE / "node_modules" / "relay-compiler" / "cli.js"
    process = await asyncio.create_subprocess_exec(node, compiler, "relay.config.json", cwd=directory, stdout=PIPE, stderr=STDOUT)
    output, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    assert process.returncode == 0, output.decode()


async def test_relay_compiles_against_the_schema_and_runs(node: str, gateway: Gateway, tmp_path: Path) -> None:
    await run(node, "relay.js", gateway, ARTIFACTS=await compiled(node, tmp_path))


async def test_relay_sends_the_ids_of_trusted_documents(node: str, database_uri: str, tmp_path: Path) -> None:
    manifest = tmp_path / "persisted.json"
    manifest.write_text("{}")
    artifacts = await compiled(node, tmp_path, persistConfig={"file": manifest.name, "algorithm": "MD5"})

    async with serving(database_uri, trusted_documents=manifest) as gateway:
        await run(node, "relay.js", gateway, ARTIFACTS=artifacts)
        assert 'gateway_documents_total{kind="trusted"}' in (await gateway.client.get("/metrics")).text
