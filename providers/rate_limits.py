"""The rate limits that a provider announces in the headers of its answers."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite

# The headers that say how many more requests are allowed. A provider sends the first one, those that begin with "x-", or all of them.
REMAINING = ("ratelimit-remaining", "x-ratelimit-remaining-minute", "x-ratelimit-remaining-hour")
RESET = "ratelimit-reset"
MAX_WAIT_SECONDS = 3600.0


class RateLimits:
    """How many requests are left before the provider refuses further ones. `remaining`: None if the provider has announced nothing yet."""

    def __init__(self) -> None:
        self.remaining: int | None = None

    def update(self, headers: Mapping[str, str]) -> None:
        """Read the headers of an answer. The smallest of the announced numbers counts."""
        announced = [number for name in REMAINING if (number := seconds(headers.get(name))) is not None]
        if announced:
            self.remaining = int(min(announced))

    def retry_after_seconds(self, headers: Mapping[str, str]) -> float | None:
        """How long the provider demands to wait before the next request, at most an hour; None if it demands nothing.

        Source: RFC 9110, 10.2.3 (`Retry-After`, as seconds or as a date). Without this header, `RateLimit-Reset` counts if no request is left.
        """
        wait = seconds(headers.get("retry-after"))
        if wait is None:
            wait = until(headers.get("retry-after"))
        if wait is None and seconds(headers.get("ratelimit-remaining")) == 0:
            wait = seconds(headers.get(RESET))
        return None if wait is None else min(wait, MAX_WAIT_SECONDS)


def seconds(text: str | None) -> float | None:
    """The number that a header contains; None if it contains none, or a negative one."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if isfinite(number) and number >= 0 else None


def until(text: str | None) -> float | None:
    """The time in seconds until the date that a header contains; None if it contains no date."""
    try:
        at = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
