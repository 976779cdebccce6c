"""Logs an operation that fails again and again: each reason once, and once that it succeeds again."""

import logging


class Outage:
    """The failures of one repeated operation since its last success. `end`: the message that is logged when the operation succeeds again."""

    __slots__ = ("_end", "_failures", "_logger", "_reasons")

    def __init__(self, logger: logging.Logger, end: str) -> None:
        self._logger = logger
        self._end = end
        # The reasons that were logged. Reasons can alternate: after MongoDB has refused a password, the driver finds no server for some seconds.
        self._reasons: set[str] = set()
        self._failures = 0

    def failed(self, reason: str, level: int = logging.WARNING) -> None:
        """Record a failure, and log its reason, unless an earlier failure since the last success had the same reason."""
        self._failures += 1
        if reason not in self._reasons:
            self._reasons.add(reason)
            self._logger.log(level, reason)

    def over(self) -> None:
        """Record a success."""
        if self._failures:
            self._reasons.clear()
            self._failures = 0
            self._logger.info(self._end)

    def pause_seconds(self, shortest: float, longest: float) -> float:
        """How long to wait before the next attempt. The time doubles with each failure, from `shortest` to `longest`."""
        return min(shortest * 2.0 ** min(max(self._failures - 1, 0), 30), longest)
