"""Counts the commands that the driver sends to MongoDB, by name, outcome and duration."""

from bisect import bisect_left
from collections import Counter
from threading import get_ident

from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

# The upper limits of the buckets in the histogram of durations, in seconds.
COMMAND_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
OK, NO_ANSWER = "ok", "no answer"


class CommandDurations:
    """The durations of the commands of one name: how many are in each bucket, and their sum. The last bucket is for all longer durations."""

    __slots__ = ("buckets", "seconds")

    def __init__(self) -> None:
        self.buckets = [0] * (len(COMMAND_BUCKETS) + 1)
        self.seconds = 0.0

    def add(self, other: "CommandDurations") -> None:
        """Add the durations of `other` to these."""
        self.buckets = [mine + theirs for mine, theirs in zip(self.buckets, other.buckets, strict=True)]
        self.seconds += other.seconds


class CommandCounts(CommandListener):
    """Counts commands. The driver calls it from the thread that has sent the command.

    Each thread has counts of its own, so that counting needs no lock and loses nothing. A reader adds up the counts of all threads. When a thread has
    ended, a later thread with the same number continues its counts.
    """

    def __init__(self) -> None:
        self._durations: dict[int, dict[str, CommandDurations]] = {}
        self._failures: dict[int, Counter[tuple[str, str]]] = {}

    def started(self, event: CommandStartedEvent) -> None:
        """Do nothing: a command is counted at its end."""

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Count a command that MongoDB answered. Errors of single writes, such as duplicate keys, are part of such an answer."""
        self._count(event.command_name, event.duration_micros)

    def failed(self, event: CommandFailedEvent) -> None:
        """Count a command that MongoDB refused, or did not answer."""
        thread, code = get_ident(), event.failure.get("code")
        failures = self._failures.get(thread)
        if failures is None:
            failures = self._failures[thread] = Counter()
        failures[event.command_name, NO_ANSWER if code is None else str(code)] += 1
        self._count(event.command_name, event.duration_micros)

    def durations(self) -> dict[str, CommandDurations]:
        """The durations of all commands, by name."""
        totals: dict[str, CommandDurations] = {}
        for by_name in [*self._durations.values()]:
            for name, durations in [*by_name.items()]:
                totals.setdefault(name, CommandDurations()).add(durations)
        return totals

    def failures(self) -> Counter[tuple[str, str]]:
        """How many commands failed, by name and outcome: MongoDB's error code, or NO_ANSWER."""
        totals: Counter[tuple[str, str]] = Counter()
        for failures in [*self._failures.values()]:
            totals.update(failures)
        return totals

    def _count(self, name: str, micros: int) -> None:
        thread = get_ident()
        by_name = self._durations.get(thread)
        if by_name is None:
            by_name = self._durations[thread] = {}
        durations = by_name.get(name)
        if durations is None:
            durations = by_name[name] = CommandDurations()
        seconds = micros / 1_000_000
        durations.buckets[bisect_left(COMMAND_BUCKETS, seconds)] += 1
        durations.seconds += seconds
