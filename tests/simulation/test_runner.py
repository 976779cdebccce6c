import asyncio
import math
from typing import Any

import pytest

from simulation.credentials import Credentials, Tokens
from simulation.errors import BadPace, Unreachable
from simulation.runner import simulate
from simulation.tally import Tally
from tests.wire import GENEROUS_SECONDS

# An address without a server: nothing listens on port 1, and the system never assigns this port to a server of a test.
NOWHERE = "http://127.0.0.1:1"
CREDENTIALS = Credentials(NOWHERE, f"{NOWHERE}/graphql", "", "acme", Tokens("integrator", "provider"))


async def test_an_unreachable_gateway_is_reported() -> None:
    tally = Tally()

    with pytest.raises(Unreachable, match="Is the gateway running there"):
        await simulate(credentials=CREDENTIALS, count=1, start_within_seconds=0.3, tally=tally)

    assert tally.faults >= 1
    assert tally.lives == 0


async def test_a_simulation_waits_for_an_unreachable_gateway_until_cancelled() -> None:
    tally = Tally()
    simulation = asyncio.create_task(simulate(credentials=CREDENTIALS, start_within_seconds=math.inf, tally=tally))

    async with asyncio.timeout(GENEROUS_SECONDS):
        while tally.faults < 2:
            await asyncio.sleep(0.01)
    still_waits = not simulation.done()
    simulation.cancel()

    with pytest.raises(asyncio.CancelledError):
        await simulation
    assert still_waits


@pytest.mark.parametrize("pace", [{"rate": 0.0}, {"rate": -1.0}, {"rate": math.nan}, {"speed": 0.0}, {"max_in_flight": 0}, {"count": -1}])
async def test_an_invalid_pace_is_refused(pace: dict[str, Any]) -> None:
    with pytest.raises(BadPace):
        await simulate(credentials=CREDENTIALS, **pace)
