"""Token buckets: payments take from what a bucket holds, and the bucket refills over time."""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from functools import partial
from time import monotonic

# The cost of a request that is refused because its bucket does not hold enough.
REFUSAL = 1
MAX_BUCKETS = 10_000
# The shortest time of a timer. Timers may ring a little early. Without a minimum, a timer for the tiny rest of the time would then be set again and
# again.
MIN_TIMER_SECONDS = 0.005
# Payments that exceed the content of a bucket by at most TOLERANCE are accepted, because the sums of floating-point numbers are not exact.
TOLERANCE = 1e-6
# How much a bucket without a limit refills per second, and how much it holds. The number is finite, because 0 seconds times infinity would be NaN.
BOUNDLESS = 1e18

# A function that calls another one after some seconds.
SetTimer = Callable[[float, Callable[[], None]], object]
# A payment that waits: its cost, and the future that is completed when the cost has been taken.
Payment = tuple[float, "asyncio.Future[None]"]


def set_timer(seconds: float, call: Callable[[], None]) -> object:
    """Call a function after some seconds, in the running event loop."""
    return asyncio.get_running_loop().call_later(seconds, call)


class Bucket:
    """A token bucket. A payment for which the bucket does not hold enough waits in its queue. One timer serves the whole queue.

    An operation that costs more than a full bucket holds is allowed if the bucket is full, and leaves a debt. `shared`: a second bucket, from which
    the owner's payments are taken too, such as the bucket of the owner's workspace. If it is None, the bucket is its own shared bucket.
    """

    __slots__ = ("__weakref__", "_burst", "_per_second", "_rings_at", "_set_timer", "_taken", "_waiting", "now", "shared", "used_at")

    def __init__(
        self, per_second: float, burst: float, now: Callable[[], float] = monotonic, set_timer: SetTimer = set_timer, shared: "Bucket | None" = None
    ) -> None:
        self._per_second = per_second
        self._burst = burst
        self.now = now
        self._set_timer = set_timer
        self.shared = shared or self
        # The cost that was taken and had not refilled yet at the time `used_at`.
        self._taken = 0.0
        self.used_at = now()
        # The payments that wait, the first in front. None if no payment waits: there are many buckets, and an empty queue in each would take memory.
        self._waiting: deque[Payment] | None = None
        # The time at which the timer rings; None if no timer runs. The timer serves the queue.
        self._rings_at: float | None = None

    @property
    def idle(self) -> bool:
        """Whether this bucket and the shared one are full, and no payment waits in them. Such a bucket need not be stored: a new one is full too."""
        is_full = not self._waiting and self._taken <= (self.now() - self.used_at) * self._per_second
        return is_full and (self.shared is self or self.shared.idle)

    @property
    def waits(self) -> bool:
        """Whether payments wait in the queue."""
        return bool(self._waiting)

    def take(self, cost: float, paid: float, shared_cost: float, shared_paid: float, now: float) -> bool:
        """Take a cost from this bucket, and another one from the shared bucket, if both hold enough. Returns whether they were taken.

        `paid`, `shared_paid`: the parts of these costs that an earlier call already took, and that are not taken again.
        """
        # This method is called for each request and each message. To save time, it calls no other method, and repeats the same code for each of the
        # two buckets.
        shared = self.shared
        taken = self._taken - (now - self.used_at) * self._per_second
        shared_taken = shared._taken - (now - shared.used_at) * shared._per_second
        self._taken = taken = taken if taken > 0 else 0.0
        shared._taken = shared_taken = shared_taken if shared_taken > 0 else 0.0
        self.used_at = shared.used_at = now
        burst, shared_burst = self._burst, shared._burst
        if taken - paid + (cost if cost < burst else burst) > burst + TOLERANCE:
            return False
        if shared_taken - shared_paid + (shared_cost if shared_cost < shared_burst else shared_burst) > shared_burst + TOLERANCE:
            return False
        self._taken = taken + cost - paid
        shared._taken = shared_taken + shared_cost - shared_paid
        return True

    def missing(self, cost: float, now: float) -> float:
        """The number of seconds until the bucket holds `cost`; 0 if it holds enough. Refills the bucket.

        If `cost` is more than a full bucket holds, a full bucket is enough.
        """
        self._taken = max(self._taken - (now - self.used_at) * self._per_second, 0.0)
        self.used_at = now
        excess = self._taken + min(cost, self._burst) - self._burst
        return excess / self._per_second if excess > TOLERANCE else 0.0

    def charge(self, cost: float) -> None:
        """Take `cost`, even if the bucket does not hold enough: that leaves a debt. A negative cost is given back."""
        self._taken += cost

    def charge_refusal(self) -> None:
        """Take REFUSAL, but at most what is left in the bucket.

        So a caller who keeps sending too many requests stays limited, and is served again soon after the requests stop.
        """
        self._taken = max(self._taken, min(self._taken + REFUSAL, self._burst))

    async def pay(self, cost: float, first: bool = False) -> None:
        """Take `cost` as soon as the bucket holds enough. Payments wait in the order of their calls; `first`: this one goes before all others."""
        if self._waiting and self._waiting[0][1].done():
            # The payer at the front has given up. The next one may need less, and must not wait for the time at which the first could have paid.
            self._serve()
        if (first or not self._waiting) and not self.missing(cost, self.now()):
            self.charge(cost)
            return
        future = asyncio.get_running_loop().create_future()
        self._waiting = self._waiting or deque()
        (self._waiting.appendleft if first else self._waiting.append)((cost, future))
        if first or len(self._waiting) == 1:
            self._serve()
        await future

    def _serve(self) -> None:
        """Make the payments for which the bucket holds enough. If any are left, set a timer for the first of them."""
        while self._waiting:
            cost, future = self._waiting[0]
            # A future that is done belongs to a payer who has given up.
            if not future.done():
                if seconds := self.missing(cost, self.now()):
                    self._ring_after(max(seconds, MIN_TIMER_SECONDS))
                    return
                self.charge(cost)
                future.set_result(None)
            self._waiting.popleft()
        self._waiting = None

    def _ring_after(self, seconds: float) -> None:
        """Set a timer, unless one rings earlier."""
        at = self.now() + seconds
        if self._rings_at is None or at < self._rings_at:
            self._rings_at = at
            self._set_timer(seconds, partial(self._ring, at))

    def _ring(self, at: float) -> None:
        # A timer that was replaced by an earlier one rings too. It must not serve the queue, because that could set a further timer each time.
        if at == self._rings_at:
            self._rings_at = None
            self._serve()


class Buckets:
    """The buckets of one kind, by key. `per_second`: how much each refills in a second; 0: no limit. `burst`: what each holds when it is full.

    A bucket is stored until it is full again, or longer. If there are too many buckets, one that was not used lately is dropped before it is full.
    """

    def __init__(
        self,
        per_second: float,
        burst: float,
        now: Callable[[], float] = monotonic,
        max_buckets: int = MAX_BUCKETS,
        set_timer: SetTimer = set_timer,
    ) -> None:
        self.create = partial(Bucket, per_second or BOUNDLESS, burst if per_second else BOUNDLESS, now, set_timer)
        self._max_buckets = max_buckets
        # The buckets, and the time at which each was added or last moved to the end. The bucket with the earliest of these times comes first.
        self._buckets: dict[Hashable, Bucket] = {}
        self._moved_at: dict[Hashable, float] = {}
        # The bucket of a key, if it is stored. This is the method of the dict itself, because it is called for each message.
        self.get = self._buckets.get

    def __len__(self) -> int:
        """The number of stored buckets. A key without a stored bucket has a full one."""
        return len(self._buckets)

    def add(self, key: Hashable, shared: Bucket | None = None) -> Bucket:
        """Create and store the bucket of a key. First drop buckets from the beginning of the dict: full ones, and others if there are too many.

        `shared`: the second bucket from which the payments of the new bucket's owner are taken (see `Bucket`).
        """
        while len(self._buckets) >= self._max_buckets or (self._buckets and self._buckets[next(iter(self._buckets))].idle):
            self._drop_or_move()
        bucket = self.create(shared)
        self._buckets[key], self._moved_at[key] = bucket, bucket.used_at
        return bucket

    def _drop_or_move(self) -> None:
        """Drop the first bucket. If it was used since it was added or moved to the end, and is not full, move it to the end instead."""
        key = next(iter(self._buckets))
        bucket, moved_at = self._buckets.pop(key), self._moved_at.pop(key)
        if bucket.used_at > moved_at and not bucket.idle:
            self._buckets[key], self._moved_at[key] = bucket, bucket.used_at
