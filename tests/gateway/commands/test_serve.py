"""Tests `gateway serve` with several workers, as processes: requests, sockets, metrics, signals, and workers that are killed."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import httpx2
import orjson
import pytest
from joserfc.jwk import ECKey
from prometheus_client.parser import text_string_to_metric_families
from websockets import ConnectionClosed
from websockets.asyncio.client import ClientConnection

from tests.authenticated import AuthenticatedMongo
from tests.processes.forwarder import forwarding
from tests.processes.process import CREATE, FEED, READY_SECONDS, REQUEST, Api, Command, next_update, running, runs
from tests.processes.service import api_at, free_port, logged, settings_at

WORKERS = 2
# The file with the keys of the tokens' issuer, and what the log says when it was read again, and when all workers were replaced.
KEY_SET = "keys.json"
READ_AGAIN = "the file GATEWAY_TOKEN_JWKS_FILE was read again"
REPLACED = f"all {WORKERS} workers were replaced"
# For how long the workers of one of the services announce their end, in seconds.
ANNOUNCED_SECONDS = "0.5"


class Service:
    """A running `gateway serve --workers 2`. `operators_url`: where its endpoints for operators are. `keys`: its file with the issuer's keys."""

    def __init__(self, command: Command, port: int, operators_port: str | None, keys: str) -> None:
        self.command = command
        self.keys = Path(keys)
        self.api = api_at(port)
        self.operators_url = f"http://127.0.0.1:{operators_port or port}"

    def workers(self) -> dict[int, int]:
        """For each number of a worker: the id of the process that began to listen last with this number."""
        found = [re.fullmatch(r"worker (\d+) listens, process (\d+)", line["event"]) for line in logged(self.command)]
        return {int(match[1]): int(match[2]) for match in found if match}

    async def replaced(self, before: dict[int, int], *numbers: int) -> None:
        """Wait until the workers with these numbers are other processes than in `before`."""
        await self.command.until(lambda: all(self.workers()[number] != before[number] for number in numbers))

    def logged(self, text: str) -> list[str]:
        """The messages in the log that begin with this text."""
        return [line["event"] for line in logged(self.command) if line["event"].startswith(text)]

    async def metric(self, name: str) -> dict[str, float]:
        """The value of the metric `name` of each worker, by the number of the worker."""
        async with httpx2.AsyncClient(trust_env=False) as client:
            text = (await client.get(f"{self.operators_url}/metrics")).text
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples if sample.name == name]
        return {sample.labels["worker"]: sample.value for sample in samples}


@asynccontextmanager
async def served(directory: Path, database_uri: str, **environment: str) -> AsyncIterator[Service]:
    """A context in which the workers run. It begins when all of them listen and are ready."""
    port = free_port()
    settings = {**settings_at(port), "GATEWAY_MONGO_URI": database_uri, **environment}
    async with running(directory, "serve", "--workers", str(WORKERS), **settings) as command:
        service = Service(command, port, environment.get("GATEWAY_ADMIN_PORT"), environment.get("GATEWAY_TOKEN_JWKS_FILE", ""))
        await command.until(lambda: len(service.workers()) == WORKERS)
        await command.ready(service.operators_url)
        # Only one worker has answered the request for readiness. Another one may still believe that indexes are missing, and refuse creations.
        async with asyncio.timeout(READY_SECONDS):
            while await service.metric("gateway_missing_indexes") != {"1": 0, "2": 0}:
                await asyncio.sleep(0.05)
        yield service


class SharedService:
    """A service that the tests of this module share. A test may end it; the next test that uses it then starts it again."""

    def __init__(self, folder: Callable[[], Path], database_uri: str, **environment: str) -> None:
        """`folder`: makes a folder. Each start gets a new one, because the workers of a killed supervisor may still write for a moment."""
        self._folder = folder
        self._database_uri = database_uri
        self._environment = environment
        self._stack = AsyncExitStack()
        self._service: Service | None = None

    async def service(self) -> Service:
        """The running service. It is started first if it does not run."""
        running_now = self._service
        if not running_now or running_now.command.process.returncode is not None:
            await self.close()
            running_now = await self._stack.enter_async_context(served(self._folder(), self._database_uri, **self._environment))
            self._service = running_now
        return running_now

    async def close(self) -> None:
        """End the service."""
        await self._stack.aclose()


@pytest.fixture(scope="module")
async def shared_services(shared_database_uri: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, SharedService]]:
    """A service whose workers drain at once and read a key file, and one that announces its end first and has a port for operators."""
    keys, folder = tmp_path_factory.mktemp("keys") / KEY_SET, partial(tmp_path_factory.mktemp, "service")
    write_key_set(keys, "old")
    announces = {"GATEWAY_DRAIN_DELAY_SECONDS": ANNOUNCED_SECONDS, "GATEWAY_ADMIN_PORT": str(free_port())}
    services = {
        "prompt": SharedService(folder, shared_database_uri, GATEWAY_TOKEN_JWKS_FILE=str(keys), GATEWAY_DRAIN_DELAY_SECONDS="0"),
        "announcing": SharedService(folder, shared_database_uri, **announces),
    }
    yield services
    for each in services.values():
        await each.close()


@pytest.fixture
async def prompt(shared_services: dict[str, SharedService]) -> Service:
    """The service whose workers drain at once."""
    return await shared_services["prompt"].service()


@pytest.fixture
async def announcing(shared_services: dict[str, SharedService]) -> Service:
    """The service whose workers announce their end first."""
    return await shared_services["announcing"].service()


@pytest.fixture(params=["prompt", "announcing"])
async def service(request: pytest.FixtureRequest, shared_services: dict[str, SharedService]) -> Service:
    """Each of the two services in turn: a test that uses this fixture runs once with each."""
    return await shared_services[request.param].service()


def write_key_set(file: Path, name: str) -> None:
    """Write a JWK set with a single new key of this name."""
    file.write_bytes(orjson.dumps({"keys": [ECKey.generate_key("P-256", {"kid": name}).as_dict(private=False)]}))


async def ask(api: Api, count: int) -> None:
    """Send `count` queries, each on a new connection."""
    for _ in range(count):
        await api.execute("{ me { subject } }")


async def test_the_metrics_of_all_workers_are_in_one_response(prompt: Service) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(20):
            await next_update(await stack.enter_async_context(prompt.api.subscription(FEED)))
        sockets = await prompt.metric("gateway_sockets")

    assert await prompt.metric("gateway_worker_up") == {"1": 1, "2": 1}
    # Each of 20 connections goes to one of two workers by chance. That all go to the same one has a probability of 1 in 500,000.
    assert set(sockets) == {"1", "2"}
    assert sum(sockets.values()) == 20
    assert min(sockets.values()) > 0


async def test_workers_are_replaced_under_load_without_a_failed_request(service: Service) -> None:
    before, done = service.workers(), len(service.logged(REPLACED))
    stop = asyncio.Event()

    async def load() -> int:
        count = 0
        while not stop.is_set():
            await service.api.execute(CREATE, input=REQUEST)
            count += 1
        return count

    tasks = [asyncio.create_task(load()) for _ in range(4)]
    service.command.process.send_signal(signal.SIGUSR2)
    await service.command.until(lambda: len(service.logged(REPLACED)) > done)
    stop.set()
    counts = await asyncio.gather(*tasks)
    async with httpx2.AsyncClient(trust_env=False) as client:
        ready = await client.get(f"{service.operators_url}/readyz")

    assert not {*before.values()} & {*service.workers().values()}
    assert min(counts) > 0
    assert await service.metric("gateway_worker_up") == {"1": 1, "2": 1}
    assert ready.status_code == 200
    assert not any(map(runs, before.values()))


async def test_a_killed_worker_is_replaced(prompt: Service) -> None:
    before = prompt.workers()

    os.kill(before[1], signal.SIGKILL)
    await prompt.replaced(before, 1)

    assert prompt.workers()[2] == before[2]
    await ask(prompt.api, 10)


async def test_a_worker_that_is_ended_by_hand_leaves_its_slot_to_another_one(announcing: Service) -> None:
    """A process that announces its end keeps new connections out of its listening socket. Its successor uses this socket, and must accept them."""
    before = announcing.workers()

    os.kill(before[1], signal.SIGTERM)
    await announcing.replaced(before, 1)

    # On average, every second connection goes to the socket of the first worker.
    await ask(announcing.api, 20)


async def test_at_sighup_every_worker_reads_its_files_again(prompt: Service) -> None:
    before = len(prompt.logged(READ_AGAIN))
    write_key_set(prompt.keys, "new")

    prompt.command.process.send_signal(signal.SIGHUP)

    await prompt.command.until(lambda: len(prompt.logged(READ_AGAIN)) == before + WORKERS)
    assert await prompt.metric("gateway_worker_up") == {"1": 1, "2": 1}


async def test_at_sigterm_sockets_are_closed_and_all_processes_end(prompt: Service) -> None:
    async with prompt.api.subscription(FEED) as socket:
        await next_update(socket)
        workers = prompt.workers()

        prompt.command.process.send_signal(signal.SIGTERM)
        with pytest.raises(ConnectionClosed) as closed:
            await silence(socket)
        status = await prompt.command.ended()

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    assert status == 143
    assert not any(map(runs, workers.values()))


async def test_workers_end_with_a_supervisor_that_is_killed(announcing: Service) -> None:
    workers = announcing.workers()

    announcing.command.process.kill()
    await announcing.command.process.wait()

    async with asyncio.timeout(READY_SECONDS):
        while any(map(runs, workers.values())):
            await asyncio.sleep(0.05)


async def silence(socket: ClientConnection) -> None:
    """Receive messages until the connection is closed. Raises: ConnectionClosed."""
    while True:
        await next_update(socket)


async def test_one_mistake_in_the_address_ends_all_with_one_line(tmp_path: Path, authenticated: AuthenticatedMongo) -> None:
    environment = {**settings_at(free_port()), "GATEWAY_MONGO_URI": authenticated.uri(password="canary")}
    async with running(tmp_path, "serve", "--workers", "2", **environment) as command:
        status = await command.ended()

    lines = command.errors.read_text().splitlines()
    assert status == 1
    assert lines[1:] == [
        "gateway: MongoDB at GATEWAY_MONGO_URI can't be used: it refuses the user name or the password in the address "
        "(authSource names the database of the user)"
    ]


async def test_a_single_process_goes_on_after_the_signals_for_workers(tmp_path: Path, database_uri: str) -> None:
    port = free_port()
    async with running(tmp_path, "serve", **settings_at(port), GATEWAY_MONGO_URI=database_uri) as command:
        await command.ready(f"http://127.0.0.1:{port}")
        for number in (signal.SIGHUP, signal.SIGUSR2):
            command.process.send_signal(number)
            await ask(api_at(port), 3)

        assert command.process.returncode is None


async def test_a_wrong_password_that_is_seen_only_later_is_logged_once(tmp_path: Path, authenticated: AuthenticatedMongo) -> None:
    """A process that starts while MongoDB can't be reached tries again and again, also with a wrong password. It must log this fault only once."""
    async with (
        forwarding(authenticated.uri(password="canary")) as forwarder,
        running(tmp_path, "serve", **settings_at(free_port()), GATEWAY_MONGO_URI=forwarder.uri) as command,
    ):
        await command.until(lambda: "listening" in command.errors.read_text())
        await forwarder.open()
        await command.until(lambda: "refuses the user name or the password" in command.errors.read_text())
        attempts = forwarder.connections
        await command.until(lambda: forwarder.connections > attempts + 5)
        lines = logged(command)

    assert "canary" not in command.errors.read_text()
    events = [line["event"] for line in lines]
    assert len(events) == len(set(events))
