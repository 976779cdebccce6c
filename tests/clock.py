"""A clock for tests. A test sets it to the times that the test needs."""

from datetime import datetime

from tests.factories import NOON


class Clock:
    """A clock that stands still until a test sets `now` to another time. Tests pass it to a store or a gateway instead of the real clock."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now
