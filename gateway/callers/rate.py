"""The rate at which callers may spend cost: each caller has a bucket, which refills over time."""

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

from domain.caller import Caller

# A refused request costs something too.
REFUSAL = 1
MAX_CALLERS = 10_000
# Every operation costs a follow token this many times as much: otherwise a caller who may issue follow tokens would have a full bucket for each.
FOLLOWER = 10

Key = tuple[str, str, str | None]


class Rate:
    """The buckets of this process. A caller who is served by several processes has a bucket in each.

    A bucket is dropped when it is full again, or when there are too many and it is the least recently used. An operation that costs more than a
    whole bucket needs a full bucket, and leaves a debt.
    """

    def __init__(self, per_second: float, burst: float, now: Callable[[], float] = monotonic, max_callers: int = MAX_CALLERS) -> None:
        self._per_second = per_second
        self._burst = burst
        self._now = now
        self._max_callers = max_callers
        # The cost that was taken from each bucket and is not refilled yet, and the time of this value. The least recently used bucket is first.
        self._taken: OrderedDict[Key, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        """The number of buckets that are stored. All others are full."""
        return len(self._taken)

    def take(self, caller: Caller, cost: float, paid: float = 0) -> float:
        """Take a cost from the caller's bucket, minus the part of it that was just paid.

        Returns 0 if the bucket held enough; otherwise the seconds after which it will hold the whole cost.
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
            # A caller who keeps sending refused requests stays limited, and is served again soon after the requests stop.
            taken = max(taken, min(taken + REFUSAL, self._burst))
            missing = taken - room
        is_stored = key in self._taken
        self._taken[key] = (taken, now)
        self._taken.move_to_end(key)
        if not is_stored:
            self._forget_one(now)
        return missing / self._per_second

    def _still_taken(self, key: Key, now: float) -> float:
        taken, at = self._taken.get(key, (0.0, now))
        return max(taken - (now - at) * self._per_second, 0.0)

    def _forget_one(self, now: float) -> None:
        # Called once for each new bucket, so that their number never exceeds the maximum.
        oldest = next(iter(self._taken))
        if len(self._taken) > self._max_callers or not self._still_taken(oldest, now):
            del self._taken[oldest]
