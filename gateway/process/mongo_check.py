"""The check of MongoDB when a command starts to serve. A MongoDB that can't be used is refused.

The check waits at most MAX_START_SECONDS for a MongoDB that does not answer. Then the command decides whether it serves nevertheless.
"""

import asyncio

from domain.errors import Unavailable
from store.driver import Database, Unsuitable
from store.inspection.deployment import examine

MAX_START_SECONDS = 5.0
NO_PRIMARY = f"no primary answered within {MAX_START_SECONDS:g} s; check the address, and that a replica set runs there"


class MongoRefused(Exception):
    """The gateway can't serve with the MongoDB that the user chose. `source`: the name of the setting or option that contains its URI."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"MongoDB at {source} can't be used: {reason}")


async def check_mongo(database: Database, source: str) -> None:
    """Check that the gateway can serve with this MongoDB. `source`: the name of the setting or option that contains its URI.

    Raises: MongoRefused if the operator has to correct something. Unavailable if no primary answered within MAX_START_SECONDS.
    """
    try:
        async with asyncio.timeout(MAX_START_SECONDS):
            await examine(database)
    except TimeoutError as error:
        raise Unavailable from error
    except Unsuitable as error:
        raise MongoRefused(source, str(error)) from None
