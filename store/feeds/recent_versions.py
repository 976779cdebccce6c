"""Remembers which versions a feed delivered lately, so that it does not deliver them again after a gap in the change stream."""

from datetime import datetime, timedelta

from domain.verification import Verification

# The limit of each generation (see `RecentVersions`). If a process receives more changes in one period, it forgets the oldest versions early, and may
# deliver them twice.
MAX_VERSIONS = 100_000


class RecentVersions:
    """Remembers, for each verification, the version that was delivered last.

    Each version is remembered for at least `period`, unless more than MAX_VERSIONS changes are delivered in that time.

    The versions are in two generations, the current one and the previous one. Each period begins a new generation and drops the oldest as a whole,
    so that no search for old versions is needed.
    """

    def __init__(self, period: timedelta) -> None:
        self._period = period
        # The time of the change is kept beside the version: after a backup was restored, another change may have the same version.
        self._young: dict[str, tuple[int, datetime]] = {}
        self._old: dict[str, tuple[int, datetime]] = {}
        self._began: datetime | None = None

    def record(self, verification: Verification) -> None:
        """Record that this state was delivered."""
        if len(self._young) >= MAX_VERSIONS:
            self._old, self._young = self._young, {}
        self._young[verification.id] = verification.version, verification.updated_at

    def contains(self, verification: Verification) -> bool:
        """Whether this state is the one that was delivered last."""
        id = verification.id
        return (self._young.get(id) or self._old.get(id)) == (verification.version, verification.updated_at)

    def contains_later(self, verification: Verification) -> bool:
        """Whether a later version of this verification was delivered last."""
        found = self._young.get(verification.id) or self._old.get(verification.id)
        return found is not None and found[0] > verification.version

    def forget(self, id: str) -> None:
        """Forget a verification, because its document was deleted."""
        self._young.pop(id, None)
        self._old.pop(id, None)

    def pass_time(self, now: datetime) -> None:
        """Begin a new generation, if the current one is older than the period."""
        if self._began is None:
            self._began = now
        elif now - self._began > self._period:
            self._old, self._young, self._began = self._young, {}, now
