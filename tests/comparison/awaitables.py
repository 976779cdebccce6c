"""For tests of awaitables: a schema, and resolvers that wait or fail."""

import asyncio
from typing import Any

from graphql import build_schema

from tests.comparison.values import Fault

SCHEMA = build_schema(
    """
    type Thing { fast: Int, slow: Int, must: Int!, thing: Thing, mustThing: Thing!, all: [Thing!] }
    type Query { thing: Thing, mustThing: Thing!, fast: Int, slow: Int, must: Int! }
    type Mutation { one: Int, two: Int, must: Int!, mustLater: Int!, thing: Thing }
    """
)


class Gate:
    """A resolver that waits until a test sets `opened`, so that the test decides when a value arrives.

    It sets `came` when it is called. It counts the calls that returned in `passed`, and the calls that were cancelled in `cancelled`.
    """

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.came = asyncio.Event()
        self.cancelled = 0
        self.passed = 0

    async def __call__(self, info: Any) -> int:
        self.came.set()
        try:
            await self.opened.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        self.passed += 1
        return 1


async def fails(info: Any) -> int:
    """A resolver that pauses and then fails."""
    await asyncio.sleep(0)
    raise Fault("failed")


async def fails_at_once(info: Any) -> int:
    """A resolver that fails as soon as it is awaited, without a pause."""
    raise Fault("failed")


async def works(info: Any) -> int:
    """A resolver that pauses and then returns 1."""
    await asyncio.sleep(0)
    return 1
