import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from domain.caller import Scope
from gateway.application import application, token_reader
from gateway.server import Server, listening_socket
from simulation.credentials import Credentials, Tokens
from simulation.errors import TokenRefused, UnexpectedResponse
from simulation.runner import simulate
from simulation.tally import STATUSES, Tally
from store.verifications import utc_now
from tests.serving import ACME, INTEGRATOR, Gateway, serving, settings_for_tests
from tests.simulation.stored import SPEED, STATISTICS, stored_verifications


async def until(condition: Callable[[], bool]) -> None:
    """Wait until the condition is true. Raises: TimeoutError after 30 s."""
    for _ in range(3000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError


async def test_every_life_reaches_the_end_of_its_plan(credentials: Credentials) -> None:
    tally = await simulate(credentials=credentials, seed=3, rate=200, count=40, speed=SPEED)

    verifications = await stored_verifications(credentials)
    assert (tally.lives, tally.in_flight, tally.errors, tally.refusals.total()) == (40, 0, 0, 0)
    assert Counter(verification["status"] for verification in verifications) == +tally.statuses
    assert len(verifications) == tally.attempts > tally.lives
    assert tally.statuses["PENDING"] == tally.left > 0
    assert sum(verification["anonymizedAt"] is not None for verification in verifications) == tally.anonymized > 0
    for verification in verifications:
        assert [event["version"] for event in verification["events"]] == list(range(1, verification["version"] + 1))


async def test_a_simulation_hands_over_links_to_a_gateway_with_the_provider_external(database_uri: str) -> None:
    async with serving(database_uri, provider="external") as gateway:
        credentials = credentials_of(urlsplit(gateway.url).port or 0)
        tally = await simulate(credentials=credentials, seed=3, rate=200, count=20, speed=SPEED)
        verifications = await stored_verifications(credentials)

    assert (tally.lives, tally.errors, tally.refusals.total()) == (20, 0, 0)
    assert len(verifications) == tally.attempts > tally.lives


async def test_the_tally_equals_the_gateways_statistics(gateway: Gateway, credentials: Credentials) -> None:
    tally = await simulate(credentials=credentials, seed=5, rate=200, count=12, speed=SPEED)

    statistics = (await gateway.query(STATISTICS))["verificationStats"]
    assert {row["status"]: row["count"] for row in statistics["byStatus"]} == {status: tally.statuses[status] for status in STATUSES}
    assert statistics["total"] == tally.attempts >= 12
    assert statistics["billable"] == tally.statuses["VERIFIED"] + tally.statuses["FAILED"]


async def test_the_same_seed_produces_the_same_lives_again(credentials: Credentials) -> None:
    first = await simulate(credentials=credentials, seed=3, rate=200, count=10, speed=SPEED)
    second = await simulate(credentials=credentials, seed=3, rate=200, count=10, speed=SPEED)

    assert first.statuses == second.statuses
    assert len(await stored_verifications(credentials)) == first.attempts + second.attempts


async def test_a_simulation_waits_while_the_gateway_is_unreachable(database_uri: str) -> None:
    tally = Tally()
    with listening_socket("127.0.0.1", 0) as bound:
        port = bound.getsockname()[1]
    credentials = credentials_of(port)
    simulation = asyncio.create_task(simulate(credentials=credentials, rate=20, count=20, speed=300, start_within_seconds=math.inf, tally=tally))

    await until(lambda: tally.faults > 0)
    async with a_gateway_on(database_uri, port):
        await until(lambda: tally.attempts >= 5)
        faults = tally.faults
    await until(lambda: tally.faults > faults)
    async with a_gateway_on(database_uri, port):
        await simulation
        verifications = await stored_verifications(credentials)

    assert (tally.lives, tally.errors, tally.refusals.total()) == (20, 0, 0)
    assert Counter(verification["status"] for verification in verifications) == +tally.statuses


@pytest.mark.parametrize("party", ["integrator", "provider"])
async def test_a_refused_token_ends_the_simulation_and_the_error_names_its_owner(credentials: Credentials, party: str) -> None:
    tokens = replace(credentials.tokens, **{party: "not.a.token"})

    with pytest.raises(TokenRefused, match=f"the {party}'s token"):
        await simulate(credentials=replace(credentials, tokens=tokens), count=1)


async def test_a_token_without_the_scope_ends_the_simulation_and_the_error_names_its_owner(credentials: Credentials) -> None:
    tokens = replace(credentials.tokens, provider=credentials.tokens.operator)

    with pytest.raises(TokenRefused, match="the provider's token: report"):
        await simulate(credentials=replace(credentials, tokens=tokens), rate=200, count=20, speed=SPEED)


async def test_an_address_without_graphql_is_reported(credentials: Credentials) -> None:
    with pytest.raises(UnexpectedResponse, match="HTTP 404"):
        await simulate(credentials=credentials.at(f"{credentials.url}/elsewhere"), count=1)


async def test_cancelling_ends_all_lives_at_once(credentials: Credentials) -> None:
    tally = Tally()
    simulation = asyncio.create_task(simulate(credentials=credentials, rate=50, tally=tally))
    await until(lambda: tally.attempts > 0)

    simulation.cancel()

    with pytest.raises(asyncio.CancelledError):
        await simulation
    assert (tally.in_flight, tally.errors) == (0, 0)


async def test_the_number_of_lives_in_flight_is_limited(credentials: Credentials) -> None:
    tally = Tally()
    simulation = asyncio.create_task(simulate(credentials=credentials, rate=500, speed=1, max_in_flight=5, tally=tally))
    await until(lambda: tally.attempts == 5)
    await asyncio.sleep(0.2)

    simulation.cancel()

    with pytest.raises(asyncio.CancelledError):
        await simulation
    assert tally.lives == 5


def credentials_of(port: int) -> Credentials:
    """Credentials for a gateway on this port. The gateway need not be running yet."""
    url, reader = f"http://127.0.0.1:{port}", token_reader(settings_for_tests("mongodb://127.0.0.1", port), utc_now)
    tokens = (reader.token("tester", ACME, list(scopes), timedelta(hours=1)) for scopes in (INTEGRATOR, (Scope.REPORT,)))
    return Credentials(url, f"{url}/graphql", "", ACME, Tokens(*tokens))


@asynccontextmanager
async def a_gateway_on(mongo_uri: str, port: int) -> AsyncIterator[None]:
    """Run a gateway on this port. The block may start before the gateway is ready."""
    with listening_socket("127.0.0.1", port) as bound:
        server = Server(application(settings_for_tests(mongo_uri, port)))
        serving = asyncio.create_task(server.serve([bound]))
        try:
            yield
        finally:
            server.should_exit = True
            await serving
