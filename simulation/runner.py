"""Runs many simulated lives (see `simulation/lifecycle.py`) at the same time. New lives start at a given rate."""

import asyncio
from collections.abc import AsyncIterator
from itertools import islice
from uuid import uuid4

from simulation.client import Client
from simulation.credentials import Credentials
from simulation.errors import BadPace, TokenRefused
from simulation.journey import Journey
from simulation.lifecycle import lifecycles
from simulation.parties import Integrator, Provider
from simulation.reasons import Reason
from simulation.steps import Lifecycle
from simulation.tally import Tally

# At this speed, half of all lives end within 20 seconds, and nearly all within a minute.
SPEED = 20.0
MAX_IN_FLIGHT = 1000
PATIENCE_SECONDS = 30.0


async def simulate(
    *,
    credentials: Credentials,
    seed: int = 0,
    rate: float = 1.0,
    count: int | None = None,
    speed: float = SPEED,
    max_in_flight: int = MAX_IN_FLIGHT,
    start_within_seconds: float = 10.0,
    tally: Tally | None = None,
) -> Tally:
    """Run `count` lives against the gateway, and count their results in `tally`. If `count` is None, new lives start until the task is cancelled.

    `rate` is the number of new lives per second. No new life starts while `max_in_flight` are running. `speed` is how much faster than real time
    the lives run. After a transient fault, a request is sent again: at the start for `start_within_seconds`, later for `PATIENCE_SECONDS`. If a
    report still fails after that time, its life skips the step; if a creation or a retry still fails, its life ends. All other lives continue. The
    function returns when every life has its outcome or waits for a deadline. It can be cancelled at any time.

    Raises: BadPace. TokenRefused at any time. Unreachable and UnexpectedResponse at the start only.
    """
    if not (rate > 0 and speed > 0 and max_in_flight > 0 and (count is None or count >= 0)):
        raise BadPace("rate and speed must be above 0, and the count must not be negative")
    tally = tally or Tally()
    catalogue = await _catalogue(credentials, tally, start_within_seconds)
    async with Client(credentials.graphql, patience_seconds=PATIENCE_SECONDS, on_fault=tally.fault) as client:
        integrator, provider = Integrator(client, credentials.tokens.integrator), Provider(client, credentials.tokens.provider)
        run, slots = f"simulation-{uuid4().hex[:12]}", asyncio.Semaphore(max_in_flight)
        try:
            async with asyncio.TaskGroup() as group:
                async for life in _arrivals(seed, catalogue, rate, count):
                    await slots.acquire()
                    journey = Journey(life, integrator, provider, tally, run, speed, in_background=group.create_task)
                    group.create_task(_run(journey, slots))
        except BaseExceptionGroup as failures:
            refused, others = failures.split(TokenRefused)
            if others or not refused:
                raise
            raise refused.exceptions[0] from None
    return tally


async def _catalogue(credentials: Credentials, tally: Tally, patience_seconds: float) -> list[Reason]:
    async with Client(credentials.graphql, patience_seconds=patience_seconds, on_fault=tally.fault) as client:
        catalogue = await Integrator(client, credentials.tokens.integrator).catalogue()
        await Provider(client, credentials.tokens.provider).check_token()
        return catalogue


async def _arrivals(seed: int, catalogue: list[Reason], rate: float, count: int | None) -> AsyncIterator[Lifecycle]:
    loop = asyncio.get_running_loop()
    at = loop.time()
    for life in islice(lifecycles(seed, catalogue), count):
        # New lives may fall behind the rate, for example while `max_in_flight` lives are running. At most one second of the delay is made up for, so
        # that the missed lives do not all start at once.
        at = max(at + life.gap / rate, loop.time() - 1.0)
        await asyncio.sleep(at - loop.time())
        yield life


async def _run(journey: Journey, slots: asyncio.Semaphore) -> None:
    journey.tally.lives += 1
    journey.tally.in_flight += 1
    try:
        await journey.go()
    finally:
        journey.tally.in_flight -= 1
        slots.release()
