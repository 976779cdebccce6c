"""Full garbage collections, which are kept rare: all requests wait during a collection, for as long as many queries take."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

WHOLE_SECONDS = 300.0
# The thresholds of automatic collections. They cover only the two youngest generations, which hold nearly all garbage.
YOUNGEST, YOUNG, NEVER = 10_000, 10, 1_000_000_000


@asynccontextmanager
async def collected_seldom() -> AsyncIterator[None]:
    """Make full collections rare for as long as the context lasts. Objects that exist already are frozen: the collector ignores them."""
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
