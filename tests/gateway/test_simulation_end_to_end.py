import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from gateway import development, settings
from gateway.application import application, token_reader
from gateway.server import listening
from gateway.simulation.client import Client
from gateway.simulation.command import run
from gateway.simulation.credentials import Credentials
from gateway.simulation.errors import Misunderstood, TokenRefused
from gateway.simulation.runner import simulate
from gateway.simulation.tally import Tally
from store.verifications import utc_now

# Far faster than any demo: what takes people minutes takes a tenth of a second.
SPEED = 3000.0

VERIFICATIONS = "{ verifications(first: 100) { totalCount edges { node { status anonymizedAt version events { version } } } } }"


@asynccontextmanager
async def a_gateway(mongo_uri: str, database_name: str, data_dir: Path, starting_after_seconds: float = 0) -> AsyncIterator[Credentials]:
    """A gateway with a database of its own."""
    with listening("127.0.0.1", 0) as bound:
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        uri = mongo_uri.replace("/gateway?", f"/{database_name}?")
        defaults: dict[str, Any] = {**development.keys(data_dir), "provider": "sandbox", "public_url": url, "mongo_uri": uri}
        chosen = settings.read(defaults)
        server = uvicorn.Server(uvicorn.Config(application(chosen), log_config=None, ws="websockets-sansio"))
        serving = asyncio.create_task(server.serve([bound]))
        try:
            yield Credentials.of(development.credentials(url, token_reader(chosen, utc_now)), "the credentials")
        finally:
            server.should_exit = True
            await serving


@pytest.fixture
async def credentials(mongo_uri: str, database_name: str, tmp_path: Path) -> AsyncIterator[Credentials]:
    async with a_gateway(mongo_uri, database_name, tmp_path) as credentials:
        yield credentials


async def found(credentials: Credentials) -> list[dict[str, Any]]:
    """All verifications that the gateway has."""
    async with Client(credentials.graphql, patience_seconds=5, on_fault=lambda fault: None) as client:
        page = await client.ask("operator", credentials.tokens.operator, VERIFICATIONS, {})
    assert page["totalCount"] == len(page["edges"])
    return [edge["node"] for edge in page["edges"]]


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


async def test_a_seed_leads_the_same_lives_over_again(credentials: Credentials) -> None:
    first = await simulate(credentials=credentials, seed=3, rate=200, count=10, speed=SPEED)
    second = await simulate(credentials=credentials, seed=3, rate=200, count=10, speed=SPEED)

    assert first.statuses == second.statuses
    assert len(await found(credentials)) == first.attempts + second.attempts


async def test_a_gateway_that_starts_later_is_waited_for(mongo_uri: str, database_name: str, tmp_path: Path) -> None:
    tally = Tally()
    async with a_gateway(mongo_uri, database_name, tmp_path, starting_after_seconds=0.5) as credentials:
        await simulate(credentials=credentials, rate=200, count=2, speed=SPEED, start_within_seconds=math.inf, tally=tally)

    assert (tally.lives, tally.errors) == (2, 0)


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

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await simulate(credentials=credentials, rate=50, tally=tally)

    assert tally.lives > 0
    assert (tally.in_flight, tally.errors) == (0, 0)


async def test_no_more_are_in_flight_than_may_be(credentials: Credentials) -> None:
    tally = Tally()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await simulate(credentials=credentials, rate=500, speed=1, most_in_flight=5, tally=tally)

    assert tally.lives == 5


async def test_the_command_says_how_it_went(credentials: Credentials, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "credentials.json"
    development.write_private(file, asdict(credentials))

    status = await asyncio.to_thread(run, file, seed=3, rate=200, count=5, speed=SPEED)

    assert status == 0
    assert "5 begun, 0 in flight" in capsys.readouterr().out
