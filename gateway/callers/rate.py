"""How fast a caller may spend: a bucket of cost for each, which fills again by and by."""

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

from domain.caller import Caller

# Even to refuse a request costs something.
REFUSAL = 1
MAX_CALLERS = 10_000
# How much dearer everything is for the browser of one person: whoever may issue follow tokens would otherwise have as many full buckets.
FOLLOWER = 10

Key = tuple[str, str, str | None]


class Rate:
    """The buckets of this process: where a caller is served by several of them, it has as many buckets.

    A bucket that is full again is forgotten, and so is the one used least recently where there are too many. An operation that costs more than a
    whole bucket needs a full one, and leaves a debt.
    """

    def __init__(self, per_second: float, burst: float, now: Callable[[], float] = monotonic, max_callers: int = MAX_CALLERS) -> None:
        self._per_second = per_second
        self._burst = burst
        self._now = now
        self._max_callers = max_callers
        # What was taken out and has not come back, and when that was so: those used least recently first.
        self._taken: OrderedDict[Key, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        """How many buckets are not known to be full."""
        return len(self._taken)

    def take(self, caller: Caller, cost: float, paid: float = 0) -> float:
        """Take a cost out of the caller's bucket, but for what was paid of it just before: 0.

        Where too little is in it: the seconds after which there will be enough for all of it.
        """
        if not self._per_second:
            return 0.0
        if caller.chain:
            cost, paid = cost * FOLLOWER, paid * FOLLOWER
        key, now = (caller.workspace, caller.subject, caller.chain), self._now()
        taken, room = self._still_taken(key, now), self._burst - min(cost, self._burst)
        if taken <= room + paid:
            missing, taken = 0.0, taken + cost - paid
        else:
            # Who keeps asking in vain gets nowhere, and is served again soon after they stop.
            taken = max(taken, min(taken + REFUSAL, self._burst))
            missing = taken - room
        known = key in self._taken
        self._taken[key] = (taken, now)
        self._taken.move_to_end(key)
        if not known:
            self._forget_one(now)
        return missing / self._per_second

    def _still_taken(self, key: Key, now: float) -> float:
        taken, at = self._taken.get(key, (0.0, now))
        return max(taken - (now - at) * self._per_second, 0.0)

    def _forget_one(self, now: float) -> None:
        # At most one has come, so that they never become more.
        oldest = next(iter(self._taken))
        if len(self._taken) > self._max_callers or not self._still_taken(oldest, now):
            del self._taken[oldest]
