"""Tests `gateway serve` with several workers, as processes: requests, sockets, metrics, signals, and workers that are killed."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
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


class Service:
    """A running `gateway serve --workers 2`."""

    def __init__(self, command: Command, port: int) -> None:
        self.command = command
        self.api = api_at(port)
        self.port = port

    def workers(self) -> dict[int, int]:
        """The process ids of the workers that listened last, by their numbers."""
        found = [re.fullmatch(r"worker (\d+) listens, process (\d+)", line["event"]) for line in logged(self.command)]
        return {int(match[1]): int(match[2]) for match in found if match}

    async def replaced(self, before: dict[int, int], *numbers: int) -> None:
        """Wait until the workers with these numbers are other processes than in `before`."""
        await self.command.until(lambda: all(self.workers()[number] != before[number] for number in numbers))

    async def has_logged(self, text: str) -> None:
        """Wait until a line of the log begins with this text."""
        await self.command.until(lambda: any(line["event"].startswith(text) for line in logged(self.command)))

    async def metric(self, name: str) -> dict[str, float]:
        """The values of a metric by the numbers of the workers."""
        async with httpx2.AsyncClient(trust_env=False) as client:
            text = (await client.get(f"{self.api.url}/metrics")).text
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples if sample.name == name]
        return {sample.labels["worker"]: sample.value for sample in samples}


@asynccontextmanager
async def served(directory: Path, database_uri: str, **environment: str) -> AsyncIterator[Service]:
    """A context in which the workers run. It begins when all of them listen and the first request for readiness succeeds."""
    port = free_port()
    settings = {**settings_at(port), "GATEWAY_MONGO_URI": database_uri, **environment}
    async with running(directory, "serve", "--workers", str(WORKERS), **settings) as command:
        service = Service(command, port)
        await command.until(lambda: len(service.workers()) == WORKERS)
        admin = environment.get("GATEWAY_ADMIN_PORT")
        await command.ready(f"http://127.0.0.1:{admin}" if admin else service.api.url)
        # Only one worker has answered the request for readiness. Another one may still believe that indexes are missing, and refuse creations.
        async with asyncio.timeout(READY_SECONDS):
            while not admin and await service.metric("gateway_missing_indexes") != {"1": 0, "2": 0}:
                await asyncio.sleep(0.05)
        yield service


async def ask(api: Api, count: int) -> None:
    """Send requests, each on a new connection."""
    for _ in range(count):
        await api.execute("{ me { subject } }")


async def test_the_metrics_of_all_workers_are_in_one_response(tmp_path: Path, database_uri: str) -> None:
    async with served(tmp_path, database_uri) as service:
        async with AsyncExitStack() as stack:
            for _ in range(20):
                await next_update(await stack.enter_async_context(service.api.subscription(FEED)))
            sockets = await service.metric("gateway_sockets")

        assert await service.metric("gateway_worker_up") == {"1": 1, "2": 1}
        # Each of 20 connections goes to one of two workers by chance. That all go to the same one has a probability of 1 in 500,000.
        assert set(sockets) == {"1", "2"}
        assert sum(sockets.values()) == 20
        assert min(sockets.values()) > 0


@pytest.mark.parametrize("delay", ["0", "1"])
async def test_workers_are_replaced_under_load_without_a_failed_request(tmp_path: Path, database_uri: str, delay: str) -> None:
    async with served(tmp_path, database_uri, GATEWAY_DRAIN_DELAY_SECONDS=delay) as service:
        before = service.workers()
        stop = asyncio.Event()

        async def load() -> int:
            count = 0
            while not stop.is_set():
                await service.api.execute(CREATE, input=REQUEST)
                count += 1
            return count

        tasks = [asyncio.create_task(load()) for _ in range(4)]
        service.command.process.send_signal(signal.SIGUSR2)
        await service.has_logged(f"all {WORKERS} workers were replaced")
        stop.set()
        counts = await asyncio.gather(*tasks)

        assert not {*before.values()} & {*service.workers().values()}
        assert min(counts) > 0
        assert await service.metric("gateway_worker_up") == {"1": 1, "2": 1}
        assert not any(map(runs, before.values()))


async def test_a_killed_worker_is_replaced(tmp_path: Path, database_uri: str) -> None:
    async with served(tmp_path, database_uri) as service:
        before = service.workers()

        os.kill(before[1], signal.SIGKILL)
        await service.replaced(before, 1)

        assert service.workers()[2] == before[2]
        await ask(service.api, 10)


async def test_a_worker_that_is_ended_by_hand_leaves_its_slot_to_another_one(tmp_path: Path, database_uri: str) -> None:
    """A process that ends after a delay keeps new connections out of its listening socket. Its successor uses this socket, and must let them in."""
    async with served(tmp_path, database_uri, GATEWAY_DRAIN_DELAY_SECONDS="0.1") as service:
        before = service.workers()

        os.kill(before[1], signal.SIGTERM)
        await service.replaced(before, 1)

        # Half of the connections go to the slot of the first worker.
        await ask(service.api, 20)


async def test_all_workers_share_the_port_for_operators(tmp_path: Path, database_uri: str) -> None:
    port = free_port()
    async with served(tmp_path, database_uri, GATEWAY_ADMIN_PORT=str(port)) as service, httpx2.AsyncClient(trust_env=False) as client:
        before = service.workers()
        service.command.process.send_signal(signal.SIGUSR2)
        await service.has_logged(f"all {WORKERS} workers were replaced")

        text = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
        ready = await client.get(f"http://127.0.0.1:{port}/readyz")

    assert not {*before.values()} & {*service.workers().values()}
    assert 'gateway_worker_up{worker="1"} 1' in text
    assert 'gateway_worker_up{worker="2"} 1' in text
    assert ready.status_code == 200


async def test_at_sigterm_sockets_are_closed_and_all_processes_end(tmp_path: Path, database_uri: str) -> None:
    async with served(tmp_path, database_uri) as service, service.api.subscription(FEED) as socket:
        await next_update(socket)
        workers = service.workers()

        service.command.process.send_signal(signal.SIGTERM)
        with pytest.raises(ConnectionClosed) as closed:
            await silence(socket)
        status = await service.command.ended()

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    assert status == 143
    assert not any(map(runs, workers.values()))


async def test_workers_end_with_a_supervisor_that_is_killed(tmp_path: Path, database_uri: str) -> None:
    async with served(tmp_path, database_uri) as service:
        workers = service.workers()

        service.command.process.kill()
        await service.command.process.wait()

        async with asyncio.timeout(READY_SECONDS):
            while any(map(runs, workers.values())):
                await asyncio.sleep(0.05)


async def silence(socket: ClientConnection) -> None:
    """Receive messages until the connection is closed. Raises: ConnectionClosed."""
    while True:
        await next_update(socket)


async def test_at_sighup_every_worker_reads_its_files_again(tmp_path: Path, database_uri: str) -> None:
    keys = tmp_path / "keys.json"
    keys.write_bytes(orjson.dumps({"keys": [ECKey.generate_key("P-256", {"kid": "old"}).as_dict(private=False)]}))
    async with served(tmp_path, database_uri, GATEWAY_TOKEN_JWKS_FILE=str(keys)) as service:
        keys.write_bytes(orjson.dumps({"keys": [ECKey.generate_key("P-256", {"kid": "new"}).as_dict(private=False)]}))

        service.command.process.send_signal(signal.SIGHUP)

        text = "the file GATEWAY_TOKEN_JWKS_FILE was read again"
        await service.command.until(lambda: sum(line["event"].startswith(text) for line in logged(service.command)) == WORKERS)
        assert len(service.workers()) == WORKERS


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


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR2])
async def test_a_single_process_goes_on_after_a_signal_for_workers(tmp_path: Path, database_uri: str, number: signal.Signals) -> None:
    port = free_port()
    async with running(tmp_path, "serve", **settings_at(port), GATEWAY_MONGO_URI=database_uri) as command:
        await command.ready(f"http://127.0.0.1:{port}")
        command.process.send_signal(number)

        await ask(api_at(port), 3)
        assert command.process.returncode is None


async def test_a_wrong_password_that_is_seen_only_later_is_logged_once(tmp_path: Path, authenticated: AuthenticatedMongo) -> None:
    """A process that starts while MongoDB is away waits for MongoDB, also with a wrong password. It must not log the same fault at each attempt."""
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
