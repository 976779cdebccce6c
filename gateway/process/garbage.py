"""Makes full garbage collections rare, because all requests wait during a full collection, which takes as long as many queries."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

# The time between two full collections. It may be long, because little garbage is in the oldest generation, which only a full collection frees.
WHOLE_SECONDS = 300.0
# The thresholds for automatic collections of the three generations. The oldest generation is never collected automatically: nearly all garbage is
# in the two younger ones.
YOUNGEST, YOUNG, NEVER = 10_000, 2, 1_000_000_000


@asynccontextmanager
async def collected_seldom() -> AsyncIterator[None]:
    """A context in which full collections are rare. Objects that exist when it is entered are frozen, so the collector ignores them."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNGEST, YOUNG, NEVER)
    collecting = asyncio.create_task(_collect())
    try:
        yield
    finally:
        collecting.cancel()
        gc.set_threshold(*before)
        gc.unfreeze()


async def _collect() -> None:
    while True:
        await asyncio.sleep(WHOLE_SECONDS)
        gc.collect()
