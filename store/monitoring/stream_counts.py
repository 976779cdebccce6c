"""Counts what the change stream of a process delivers, and how often it is opened again."""

from bisect import bisect_left
from collections import Counter

# The upper limits of the buckets in the histogram of the sizes of batches. A stream without changes delivers an empty batch twice a second. Batches
# above the last limit are full: they have 500 changes (`MAX_CHANGES` in store/stream.py), so the process may be behind.
BATCH_BUCKETS = (0, 1, 5, 10, 50, 100, 250, 499)


class StreamCounts:
    """The counts of the change stream. Only the event loop changes them.

    `restarts`: how often the stream was opened again, by cause. `batches`: the number of batches in each bucket of BATCH_BUCKETS, and of larger ones.
    `lag_seconds`: how long the last heartbeat that arrived was on its way through MongoDB; None before the first one.
    """

    __slots__ = ("batches", "changes", "lag_seconds", "restarts")

    def __init__(self) -> None:
        self.restarts: Counter[str] = Counter()
        self.batches = [0] * (len(BATCH_BUCKETS) + 1)
        self.changes = 0
        self.lag_seconds: float | None = None

    def received(self, changes: int) -> None:
        """Count a batch with this number of changes."""
        self.batches[bisect_left(BATCH_BUCKETS, changes)] += 1
        self.changes += changes

    def restarted(self, cause: str) -> None:
        """Count that the stream has to be opened again. `cause`: such as "silent" or "connection"."""
        self.restarts[cause] += 1
