"""Limits how much operations may cost in a period: for each caller, and for all callers of a workspace together."""

from collections.abc import Callable
from math import ceil
from time import monotonic
from weakref import WeakValueDictionary

from domain.caller import Caller
from gateway.callers.buckets import MAX_BUCKETS, Bucket, Buckets, SetTimer, set_timer
from gateway.errors import RequestRefused, error

# A caller with a follow token pays the cost FOLLOWER times. The follow tokens of each chain have a bucket of their own. Without the factor, a caller
# who can request follow tokens would gain a full bucket with each chain; with the factor, the caller gains only a tenth of a bucket. The workspace's
# bucket pays the cost only once, because that bucket limits the work that is done.
FOLLOWER = 10
# A function that counts a refused request in the metrics. Its argument is the reason of the refusal.
CountRefusal = Callable[[str], None]
USED_UP = "the caller's rate is used up; wait for `retryAfterMs`, then try again"


class Rate:
    """The buckets from which this process takes the costs of operations. A caller who is served by several processes has buckets in each.

    Every cost is taken from two buckets: that of the caller, and that of the caller's workspace.

    `per_second`, `burst`: how much the bucket of each caller refills in a second (0: no limit), and how much it holds. `workspace_per_second`,
    `workspace_burst`: the same for the bucket of each workspace.
    """

    def __init__(
        self,
        per_second: float,
        burst: float,
        now: Callable[[], float] = monotonic,
        max_callers: int = MAX_BUCKETS,
        *,
        workspace_per_second: float = 0.0,
        workspace_burst: float = 1.0,
        set_timer: SetTimer = set_timer,
    ) -> None:
        self._now = now
        self._is_limited = bool(per_second or workspace_per_second)
        self._callers = Buckets(per_second, burst, now, max_callers, set_timer)
        self._new_shared = Buckets(workspace_per_second, workspace_burst, now, max_callers, set_timer).create
        self._workspaces: WeakValueDictionary[str, Bucket] = WeakValueDictionary()

    def __len__(self) -> int:
        """The number of stored buckets of callers. A caller without a stored bucket has a full one."""
        return len(self._callers)

    def take(self, caller: Caller, cost: float, paid: float = 0) -> float:
        """Take `cost` from the caller's buckets. `paid`: the part of this cost that an earlier call already took, and that is not taken again.

        Returns 0 if both buckets held enough. Otherwise only REFUSAL is taken, from the caller's own bucket, and the result is the number of seconds
        until the buckets hold enough.
        """
        if not self._is_limited:
            return 0.0
        own = self._callers.get((caller.workspace, caller.subject, caller.chain)) or self._added(caller)
        now, times = self._now(), FOLLOWER if caller.chain else 1
        if own.take(cost * times, paid * times, cost, paid, now):
            return 0.0
        own.charge_refusal()
        return max(own.missing(cost * times, now), own.shared.missing(cost, now))

    def take_at_once(self, caller: Caller, cost: float) -> bool:
        """Take `cost` if both buckets hold enough, and no payment waits for them. Returns whether it was taken; if not, nothing is taken."""
        if not self._is_limited:
            return True
        own = self._callers.get((caller.workspace, caller.subject, caller.chain)) or self._added(caller)
        if own.waits or own.shared.waits:
            return False
        return own.take(cost * (FOLLOWER if caller.chain else 1), 0, cost, 0, self._now())

    def charge(self, caller: Caller, cost: float) -> None:
        """Take `cost` for work that was done, even if the buckets do not hold enough: that leaves a debt. A negative cost is given back."""
        own = self._callers.get((caller.workspace, caller.subject, caller.chain)) or self._added(caller)
        own.charge(cost * (FOLLOWER if caller.chain else 1))
        own.shared.charge(cost)

    def missing(self, caller: Caller, cost: float) -> float:
        """The number of seconds until the caller's buckets hold `cost`; 0 if they hold enough. Takes nothing."""
        own = self._callers.get((caller.workspace, caller.subject, caller.chain)) or self._added(caller)
        now = self._now()
        return max(own.missing(cost * (FOLLOWER if caller.chain else 1), now), own.shared.missing(cost, now))

    async def pay(self, caller: Caller, cost: float, first: bool = False) -> None:
        """Wait until the caller can pay, and take `cost`: in the queue of the caller's own bucket, then in that of the workspace's bucket.

        `first`: before all payments that already wait.
        """
        own = self._callers.get((caller.workspace, caller.subject, caller.chain)) or self._added(caller)
        await own.pay(cost * (FOLLOWER if caller.chain else 1), first)
        await own.shared.pay(cost, first)

    def _added(self, caller: Caller) -> Bucket:
        """Create the bucket of a caller, and that of the workspace if it does not exist.

        The bucket of a workspace exists as long as one of the workspace's callers has a stored bucket.
        """
        shared = self._workspaces.get(caller.workspace)
        if shared is None:
            shared = self._workspaces[caller.workspace] = self._new_shared()
        return self._callers.add((caller.workspace, caller.subject, caller.chain), shared)


def limited(wait_seconds: float, message: str = USED_UP) -> RequestRefused:
    """The refusal of a request whose cost can be paid only after `wait_seconds`."""
    errors = [error("RATE_LIMITED", message, retryAfterMs=ceil(wait_seconds * 1000))]
    return RequestRefused(429, errors, {"retry-after": str(ceil(wait_seconds))})
