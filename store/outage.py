"""Logs an operation that fails again and again: once when it begins to fail, once whenever the reason changes, and once when it succeeds again."""

import logging


class Outage:
    """The failures of one repeated operation since its last success. `end`: the message that is logged when the operation succeeds again."""

    __slots__ = ("_end", "_failures", "_logger", "_reason")

    def __init__(self, logger: logging.Logger, end: str) -> None:
        self._logger = logger
        self._end = end
        self._reason = ""
        self._failures = 0

    def failed(self, reason: str, level: int = logging.WARNING) -> None:
        """Record a failure, and log its reason, unless the failure before had the same reason."""
        self._failures += 1
        if reason != self._reason:
            self._reason = reason
            self._logger.log(level, reason)

    def over(self) -> None:
        """Record a success."""
        if self._failures:
            self._reason, self._failures = "", 0
            self._logger.info(self._end)

    def pause_seconds(self, shortest: float, longest: float) -> float:
        """How long to wait before the next attempt. The time doubles with each failure, from `shortest` to `longest`."""
        return min(shortest * 2.0 ** min(max(self._failures - 1, 0), 30), longest)
