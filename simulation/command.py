"""The command `gateway simulate`: runs a simulation, displays its progress, prints a summary and returns an exit status."""

import asyncio
import signal
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from simulation.credentials import Credentials
from simulation.display import line, show, summary
from simulation.errors import BadCredentials, BadPace, SimulationError
from simulation.runner import SPEED, simulate
from simulation.tally import Tally

DONE, FAILED, BAD_INPUT, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143


def run(credentials_file: Path, *, url: str | None = None, seed: int = 0, rate: float = 1.0, count: int | None = None, speed: float = SPEED) -> int:
    """Run a simulation until it is done or interrupted, then print a summary.

    `seed`: the same seed gives the same lives. `rate`: the number of new lives per second. `count`: the number of lives; None: no limit. `speed`: how
    much faster than real time the lives run. `url`: another gateway, whose addresses replace those in the credentials file.
    Returns: the exit status. 0: the simulation is done. 1: it could not start, or had errors. 2: the credentials are not usable, or the rate, the
             count or the speed is not allowed. 130: ended by SIGINT. 143: ended by SIGTERM.
    """
    console, tally = Console(), Tally()
    try:
        credentials = Credentials.read(credentials_file)
        credentials = credentials.at(url) if url else credentials
        asyncio.run(_simulate(credentials, tally, console, seed=seed, rate=rate, count=count, speed=speed))
        status = FAILED if tally.errors else DONE
    except KeyboardInterrupt:
        status = INTERRUPTED
    except asyncio.CancelledError:
        status = TERMINATED
    except SimulationError as error:
        Console(stderr=True).print(f"gateway simulate: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        status = BAD_INPUT if isinstance(error, BadCredentials | BadPace) else FAILED
    if tally.lives:
        console.print(line(tally), *summary(tally), sep="\n", soft_wrap=True, highlight=False)
    return status


async def _simulate(credentials: Credentials, tally: Tally, console: Console, *, seed: int, rate: float, count: int | None, speed: float) -> None:
    task = asyncio.current_task()
    assert task is not None
    # SIGTERM cancels the task instead of ending the process at once: otherwise, the display would leave the terminal's cursor hidden.
    with suppress(NotImplementedError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    display = asyncio.create_task(show(tally, console))
    try:
        await simulate(credentials=credentials, seed=seed, rate=rate, count=count, speed=speed, tally=tally)
    finally:
        display.cancel()
        await asyncio.gather(display, return_exceptions=True)
