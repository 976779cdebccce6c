import asyncio
import math
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.caller import Scope
from gateway.application import application, token_reader
from gateway.development import keys as development
from gateway.server import Server, listening
from simulation.client import Client
from simulation.credentials import Credentials, Tokens
from simulation.errors import Misunderstood, TokenRefused
from simulation.runner import simulate
from simulation.tally import STATUSES, Tally
from store.verifications import utc_now
from tests.serving import ACME, INTEGRATOR, Gateway, settings_for_tests

# Far faster than any demo: what takes people minutes takes a tenth of a second.
SPEED = 3000.0

STATISTICS = "{ verificationStats { total billable byStatus { status count } } }"
VERIFICATIONS = "{ verifications(first: 100) { edges { node { status anonymizedAt version events { version } } } } }"


@pytest.fixture
def credentials(gateway: Gateway) -> Credentials:
    tokens = Tokens(integrator=gateway.token(), provider=gateway.token(Scope.REPORT), operator=gateway.token(Scope.READ, Scope.SENSITIVE))
    return Credentials(gateway.url, f"{gateway.url}/graphql", gateway.websocket, ACME, tokens)


async def found(credentials: Credentials) -> list[dict[str, Any]]:
    """The verifications that the gateway has."""
    async with Client(credentials.graphql, patience_seconds=5, on_fault=lambda fault: None) as client:
        page = await client.ask("integrator", credentials.tokens.integrator, VERIFICATIONS, {})
    return [edge["node"] for edge in page["edges"]]


async def until(true: Callable[[], bool]) -> None:
    """Wait for something to become true."""
    for _ in range(3000):
        if true():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError


async def test_a_simulation_leads_every_life_to_where_its_plan_ends(credentials: Credentials) -> None:
    tally = await simulate(credentials=credentials, seed=3, rate=200, count=40, speed=SPEED)

    verifications = await found(credentials)
    assert (tally.lives, tally.in_flight, tally.errors, tally.refusals.total()) == (40, 0, 0, 0)
    assert Counter(verification["status"] for verification in verifications) == +tally.statuses
    assert len(verifications) == tally.attempts > tally.lives
    assert tally.statuses["PENDING"] == tally.left > 0
    assert sum(verification["anonymizedAt"] is not None for verification in verifications) == tally.anonymized > 0
    for verification in verifications:
        assert [event["version"] for event in verification["events"]] == list(range(1, verification["version"] + 1))


async def test_its_tally_is_what_the_statistics_say(gateway: Gateway, credentials: Credentials) -> None:
    tally = await simulate(credentials=credentials, seed=5, rate=200, count=12, speed=SPEED)

    statistics = (await gateway.query(STATISTICS))["verificationStats"]
    assert {row["status"]: row["count"] for row in statistics["byStatus"]} == {status: tally.statuses[status] for status in STATUSES}
    assert statistics["total"] == tally.attempts >= 12
    assert statistics["billable"] == tally.statuses["VERIFIED"] + tally.statuses["FAILED"]


async def test_a_seed_leads_the_same_lives_over_again(credentials: Credentials) -> None:
    first = await simulate(credentials=credentials, seed=3, rate=200, count=10, speed=SPEED)
    second = await simulate(credentials=credentials, seed=3, rate=200, count=10, speed=SPEED)

    assert first.statuses == second.statuses
    assert len(await found(credentials)) == first.attempts + second.attempts


async def test_a_gateway_that_is_away_at_the_start_and_in_between_is_waited_for(database_uri: str) -> None:
    tally = Tally()
    with listening("127.0.0.1", 0) as bound:
        port = bound.getsockname()[1]
    credentials = credentials_of(port)
    simulation = asyncio.create_task(simulate(credentials=credentials, rate=20, count=20, speed=300, start_within_seconds=math.inf, tally=tally))

    await until(lambda: tally.faults > 0)
    async with listens(database_uri, port):
        await until(lambda: tally.attempts >= 5)
        faults = tally.faults
    await until(lambda: tally.faults > faults)
    async with listens(database_uri, port):
        await simulation
        verifications = await found(credentials)

    assert (tally.lives, tally.errors, tally.refusals.total()) == (20, 0, 0)
    assert Counter(verification["status"] for verification in verifications) == +tally.statuses


@pytest.mark.parametrize("party", ["integrator", "provider"])
async def test_a_token_that_the_gateway_refuses_ends_it_with_whose_it_is(credentials: Credentials, party: str) -> None:
    tokens = replace(credentials.tokens, **{party: "not.a.token"})

    with pytest.raises(TokenRefused, match=f"the {party}'s token"):
        await simulate(credentials=replace(credentials, tokens=tokens), count=1)


async def test_a_token_without_the_right_ends_it_with_whose_it_is(credentials: Credentials) -> None:
    tokens = replace(credentials.tokens, provider=credentials.tokens.operator)

    with pytest.raises(TokenRefused, match="the provider's token: report"):
        await simulate(credentials=replace(credentials, tokens=tokens), rate=200, count=20, speed=SPEED)


async def test_an_address_without_graphql_is_said_not_to_be_the_gateways(credentials: Credentials) -> None:
    with pytest.raises(Misunderstood, match="HTTP 404"):
        await simulate(credentials=credentials.at(f"{credentials.url}/elsewhere"), count=1)


async def test_cancelling_ends_all_lives_at_once(credentials: Credentials) -> None:
    tally = Tally()
    simulation = asyncio.create_task(simulate(credentials=credentials, rate=50, tally=tally))
    await until(lambda: tally.attempts > 0)

    simulation.cancel()

    with pytest.raises(asyncio.CancelledError):
        await simulation
    assert (tally.in_flight, tally.errors) == (0, 0)


async def test_no_more_are_in_flight_than_may_be(credentials: Credentials) -> None:
    tally = Tally()
    simulation = asyncio.create_task(simulate(credentials=credentials, rate=500, speed=1, max_in_flight=5, tally=tally))
    await until(lambda: tally.attempts == 5)
    await asyncio.sleep(0.2)

    simulation.cancel()

    with pytest.raises(asyncio.CancelledError):
        await simulation
    assert tally.lives == 5


async def test_the_command_tells_what_the_statistics_say(gateway: Gateway, credentials: Credentials, tmp_path: Path) -> None:
    async with simulating(credentials, tmp_path, "--seed", "5", "--rate", "200", "--count", "12", "--speed", str(SPEED)) as process:
        output, errors = await process.communicate()

    statistics = (await gateway.query(STATISTICS))["verificationStats"]
    assert (process.returncode, errors) == (0, b"")
    assert "12 begun, 0 in flight" in output.decode()
    assert all(f"{row['count']} {row['status'].lower()}" in output.decode() for row in statistics["byStatus"])


async def test_the_command_ends_at_a_signal(credentials: Credentials, tmp_path: Path) -> None:
    async with simulating(credentials, tmp_path, "--rate", "5") as process:
        while not await found(credentials):
            await asyncio.sleep(0.1)
        process.terminate()
        output, errors = await process.communicate()

    assert (process.returncode, errors) == (143, b"")
    assert b"0 in flight" in output


def credentials_of(port: int) -> Credentials:
    """The credentials of a gateway that will listen on that port."""
    url, reader = f"http://127.0.0.1:{port}", token_reader(settings_for_tests("mongodb://127.0.0.1", port), utc_now)
    tokens = (reader.token("tester", ACME, list(scopes), timedelta(hours=1)) for scopes in (INTEGRATOR, (Scope.REPORT,)))
    return Credentials(url, f"{url}/graphql", "", ACME, Tokens(*tokens))


@asynccontextmanager
async def listens(mongo_uri: str, port: int) -> AsyncIterator[None]:
    """A gateway on that port, ready or not."""
    with listening("127.0.0.1", port) as bound:
        server = Server(application(settings_for_tests(mongo_uri, port)))
        serving = asyncio.create_task(server.serve([bound]))
        try:
            yield
        finally:
            server.should_exit = True
            await serving


@asynccontextmanager
async def simulating(credentials: Credentials, folder: Path, *options: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command in a process that doesn't outlive the test."""
    file = folder / "credentials.json"
    development.write_private(file, asdict(credentials))
    command = (sys.executable, "-m", "gateway", "simulate", "--credentials-file", str(file), *options)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
