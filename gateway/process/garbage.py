"""When the garbage collector looks through everything: seldom, since all requests wait meanwhile, as long as for many queries."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

WHOLE_SECONDS = 300.0
# By itself, it looks at the youngest alone, and at those that outlived that: nearly all garbage is among them.
YOUNGEST, YOUNG, NEVER = 10_000, 10, 1_000_000_000


@asynccontextmanager
async def collected_seldom() -> AsyncIterator[None]:
    """For as long as the context lasts. What is there already stays, and is never looked at again."""
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
