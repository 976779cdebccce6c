"""The commands `gateway migrate` and `gateway keys rotate`, which rewrite all stored verifications while gateways serve."""

import asyncio
from collections.abc import Callable
from time import monotonic

from domain.errors import Unavailable
from gateway.settings import Settings
from store.driver import Database, close_client, connect, database
from store.sealing import SealingKeys
from store.upkeep.migrations import migration
from store.upkeep.rewriting import Rewriting, rewrite_all
from store.upkeep.rotation import rotation
from store.upkeep.rounds import RoundsState
from store.verifications import utc_now

REPORT_SECONDS = 1.0
PAUSE_AFTER_FAILURE_SECONDS = 1.0
# After so many failures of MongoDB in a row, the command gives up. The user can then run it again.
MAX_FAILURES = 5

PrintLine = Callable[[str], object]


class UpkeepError(Exception):
    """The verifications could not all be rewritten. The message is for the user."""


async def migrate(settings: Settings, print_line: PrintLine) -> str:
    """Bring all documents to the schema version of this release. Returns the last line of the output. Raises: UpkeepError."""
    final = await rewritten_by(settings, migration(), print_line)
    if final.left or final.unreadable:
        raise UpkeepError(f"{final.left + final.unreadable} documents are not migrated: processes of another release changed them; run it again")
    return f"all documents have schema version {final.target}; {final.rewritten} were migrated"


async def rotate_keys(settings: Settings, print_line: PrintLine) -> str:
    """Encrypt all personal data under the first data key. Returns the last line of the output. Raises: UpkeepError."""
    final = await rewritten_by(settings, rotation(SealingKeys(settings.data_keys.get_secret_value())), print_line)
    if final.left:
        raise UpkeepError(
            f"{final.left} verifications still have other keys: a running process has another first key in GATEWAY_DATA_KEYS. "
            "Restart it with the new order, and run this again"
        )
    if final.unreadable:
        raise UpkeepError(
            f"{final.unreadable} verifications hold personal data that no key in GATEWAY_DATA_KEYS opens; the lines above name them. "
            "All others are encrypted under the first key"
        )
    return f"all personal data are encrypted under the key {final.target}; {final.rewritten} verifications were rewritten"


async def rewritten_by(settings: Settings, rewriting: Rewriting, print_line: PrintLine) -> RoundsState:
    """Rewrite all verifications, and report the progress about every second. Goes on after failures of MongoDB. Raises: UpkeepError."""
    client = connect(settings.mongo_uri.get_secret_value(), settings.database_seconds)
    try:
        final = await persistently(database(client), rewriting, ProgressPrinter(print_line), pause_of(settings))
    finally:
        close_client(client)
    if final.target != rewriting.target:
        raise UpkeepError(f"another process has begun `{rewriting.name}` for {final.target}, while this one had {rewriting.target}")
    return final


def pause_of(settings: Settings) -> float:
    """How many seconds to wait before a further round.

    A process of an older release does not notice that a document is rewritten while it changes the document. Such a change has ended after the pause.
    """
    return settings.request_seconds + settings.database_seconds


async def persistently(mongo: Database, rewriting: Rewriting, progress: "ProgressPrinter", pause_seconds: float) -> RoundsState:
    """Call `rewrite_all` until it succeeds, and return its result.

    Raises: UpkeepError if MongoDB fails MAX_FAILURES times without progress between these failures.
    """
    failures = 0
    while True:
        passed = progress.calls
        try:
            return await rewrite_all(mongo, rewriting, utc_now, progress, pause_seconds)
        except Unavailable:
            failures = 1 if progress.calls > passed else failures + 1
            if failures == MAX_FAILURES:
                raise UpkeepError("MongoDB did not answer in time; run the command again, it goes on where it was") from None
            progress.print_line("MongoDB does not answer; trying again")
            await asyncio.sleep(PAUSE_AFTER_FAILURE_SECONDS)


class ProgressPrinter:
    """Prints how far the work has come, at most once a second. `calls`: how often progress was reported to this object."""

    def __init__(self, print_line: PrintLine) -> None:
        self.print_line = print_line
        self.calls = 0
        self._printed_at = -REPORT_SECONDS

    def __call__(self, state: RoundsState) -> None:
        self.calls += 1
        if monotonic() - self._printed_at >= REPORT_SECONDS:
            self._printed_at = monotonic()
            self.print_line(f"round {state.round}: passed {state.passed} of about {state.total} verifications; {state.rewritten} rewritten")
