"""What one subscriber has not been sent yet."""

import asyncio
from dataclasses import dataclass

from domain.errors import Lagged
from domain.verification import Verification


@dataclass(frozen=True, slots=True)
class Change:
    """The latest state of a verification, and the version before the first of the events that brought it there."""

    verification: Verification
    since: int


class Listener:
    """One slot for each verification that changed, with its latest state: however slow the reader, no event is lost, since states hold theirs.

    What is kept is bounded by the number of verifications that are followed; past `most` of them the reader has lagged.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._changed: dict[str, Change] = {}
        self._news = asyncio.Event()
        self._lagged = False

    def offer(self, verification: Verification, since: int) -> None:
        """Keep a state, unless a later one is kept already."""
        known = self._changed.get(verification.id)
        if known is None and len(self._changed) >= self._most:
            self._lagged = True
        elif known is None or verification.version > known.verification.version:
            self._changed[verification.id] = Change(verification, min(since, known.since) if known else since)
        self._news.set()

    async def changes(self, timeout_seconds: float | None = None) -> list[Change]:
        """All that changed since the last call, in the order of first change; nothing where the time is up. Raises: Lagged."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._news.wait()
        except TimeoutError:
            return []
        self._news.clear()
        if self._lagged:
            raise Lagged
        changed, self._changed = self._changed, {}
        return list(changed.values())
