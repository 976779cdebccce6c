"""A clock for tests."""

from datetime import datetime

from tests.factories import NOON


class Clock:
    """A clock that stands still, until a test sets `now`."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now
