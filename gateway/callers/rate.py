"""Limits how much operations may cost in a period. Each caller has a token bucket, which refills over time."""

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

from domain.caller import Caller

# What a request costs that is refused because the caller's bucket does not hold enough.
REFUSAL = 1
MAX_CALLERS = 10_000
# A caller with a follow token pays this many times the cost. Each followed chain has its own bucket, so a caller who can issue follow tokens would
# otherwise gain a full bucket with each.
FOLLOWER = 10

BucketKey = tuple[str, str, str | None]


class Rate:
    """The buckets of this process. A caller who is served by several processes has a bucket in each.

    A bucket is stored until it is full again. If there are too many buckets, the least recently used one is dropped. An operation that costs more
    than a whole bucket is allowed if the bucket is full, and leaves a debt.
    """

    def __init__(self, per_second: float, burst: float, now: Callable[[], float] = monotonic, max_callers: int = MAX_CALLERS) -> None:
        self._per_second = per_second
        self._burst = burst
        self._now = now
        self._max_callers = max_callers
        # For each bucket: the cost that was taken and had not refilled yet when the bucket was last used, and the time of that use. The least
        # recently used bucket is first.
        self._taken: OrderedDict[BucketKey, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        """The number of stored buckets. A caller without a stored bucket has a full one."""
        return len(self._taken)

    def take(self, caller: Caller, cost: float, paid: float = 0) -> float:
        """Take `cost` from the caller's bucket. `paid`: the part of this cost that an earlier call already took, and that is not taken again.

        Returns 0 if the bucket held enough. Otherwise only REFUSAL is taken, and the result is the number of seconds until the bucket holds enough.
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
            # A refused request takes REFUSAL, but at most what is left in the bucket. So a caller who keeps sending too many requests stays limited,
            # and is served again soon after the requests stop.
            taken = max(taken, min(taken + REFUSAL, self._burst))
            missing = taken - room
        is_stored = key in self._taken
        self._taken[key] = (taken, now)
        self._taken.move_to_end(key)
        if not is_stored:
            self._forget_one(now)
        return missing / self._per_second

    def _still_taken(self, key: BucketKey, now: float) -> float:
        taken, at = self._taken.get(key, (0.0, now))
        return max(taken - (now - at) * self._per_second, 0.0)

    def _forget_one(self, now: float) -> None:
        # Drop the least recently used bucket if it is full again, or if there are too many. Called for each new bucket, so dropping one is enough.
        oldest = next(iter(self._taken))
        if len(self._taken) > self._max_callers or not self._still_taken(oldest, now):
            del self._taken[oldest]
