"""Tests of token buckets: how much can be spent from them, how payments wait until they refill, and when full ones are dropped."""

import asyncio
from collections.abc import Callable

import pytest

from gateway.callers.buckets import REFUSAL, Bucket, Buckets


class Clockwork:
    """A clock and its timers. Both move only when a test calls `pass_time`."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.timers_set = 0

    def __call__(self) -> float:
        return self.now

    def set_timer(self, seconds: float, call: Callable[[], None]) -> None:
        """Set a timer that calls `call` after this number of seconds."""
        self.timers_set += 1
        self.timers.append((self.now + seconds, call))

    async def pass_time(self, seconds: float) -> None:
        """Move the clock forward, and call the functions of all timers that are due then."""
        self.now += seconds
        due = [each for each in self.timers if each[0] <= self.now]
        self.timers = [each for each in self.timers if each[0] > self.now]
        for _, call in due:
            call()
        await asyncio.sleep(0)


@pytest.fixture
def clockwork() -> Clockwork:
    """A clock with timers."""
    return Clockwork()


def a_bucket(clockwork: Clockwork, per_second: float = 100, burst: float = 100) -> Bucket:
    """An empty bucket."""
    bucket = Bucket(per_second, burst, clockwork, clockwork.set_timer)
    bucket.charge(burst)
    return bucket


async def test_eight_thousand_payments_wait_in_one_queue_with_one_timer(clockwork: Clockwork) -> None:
    bucket = a_bucket(clockwork)
    served: list[int] = []

    async def payer(number: int) -> None:
        await bucket.pay(5)
        served.append(number)

    waiting = [asyncio.create_task(payer(number)) for number in range(8000)]
    await asyncio.sleep(0)
    timers_at_first = len(clockwork.timers)
    await clockwork.pass_time(0.1)
    served_at_first = [*served]
    for _ in range(400):
        await clockwork.pass_time(1)
    await asyncio.gather(*waiting)

    assert (timers_at_first, served_at_first) == (1, [0, 1])
    assert served == [*range(8000)]
    # One timer was set at first. Each call of `pass_time` but the last served some payments, and one new timer was set for all that still waited.
    assert clockwork.timers_set == 401
    assert (clockwork.timers, bucket.waits) == ([], False)


async def test_a_payment_that_was_given_up_costs_nothing(clockwork: Clockwork) -> None:
    bucket = a_bucket(clockwork)
    given_up, other = [asyncio.create_task(bucket.pay(50)) for _ in range(2)]
    await asyncio.sleep(0)

    given_up.cancel()
    await clockwork.pass_time(0.5)
    await other

    assert bucket.missing(100, clockwork.now) == 1


async def test_an_urgent_payment_goes_before_those_that_wait(clockwork: Clockwork) -> None:
    bucket, served = a_bucket(clockwork), list[str]()

    async def payer(name: str, first: bool) -> None:
        await bucket.pay(10, first)
        served.append(name)

    waiting = [asyncio.create_task(payer(name, name == "urgent")) for name in ("one", "two", "urgent")]
    await asyncio.sleep(0)
    await clockwork.pass_time(1)
    await asyncio.gather(*waiting)

    assert served == ["urgent", "one", "two"]


async def test_an_urgent_payment_does_not_wait_for_what_a_greater_one_needs(clockwork: Clockwork) -> None:
    bucket = a_bucket(clockwork)
    great = asyncio.create_task(bucket.pay(100))
    await asyncio.sleep(0)

    early = asyncio.create_task(bucket.pay(10, first=True))
    await asyncio.sleep(0)
    await clockwork.pass_time(0.1)
    early_in_time = early.done()
    await clockwork.pass_time(0.5)
    late = asyncio.create_task(bucket.pay(10, first=True))
    await asyncio.sleep(0)
    late_at_once = late.done()
    await clockwork.pass_time(1)

    assert (early_in_time, late_at_once, great.done(), clockwork.timers) == (True, True, True, [])


async def test_a_payment_does_not_wait_for_a_greater_one_that_was_given_up(clockwork: Clockwork) -> None:
    bucket = a_bucket(clockwork)
    great = asyncio.create_task(bucket.pay(100))
    await asyncio.sleep(0)
    great.cancel()
    await clockwork.pass_time(0.1)

    small = asyncio.create_task(bucket.pay(10))
    await asyncio.sleep(0)

    assert small.done()


async def test_a_full_bucket_is_paid_from_without_waiting(clockwork: Clockwork) -> None:
    bucket = Bucket(100, 100, clockwork, clockwork.set_timer)

    await bucket.pay(60)
    await bucket.pay(40)

    assert (clockwork.timers_set, bucket.missing(1, clockwork.now)) == (0, 0.01)


async def test_a_payment_of_more_than_a_bucket_waits_until_it_is_full(clockwork: Clockwork) -> None:
    bucket = a_bucket(clockwork)
    paying = asyncio.create_task(bucket.pay(300))
    await asyncio.sleep(0)

    await clockwork.pass_time(0.9)
    before = paying.done()
    await clockwork.pass_time(0.2)

    await paying
    assert not before
    assert bucket.missing(1, clockwork.now) == pytest.approx(2.01)


def test_a_charge_leaves_a_debt_and_a_negative_one_is_given_back(clockwork: Clockwork) -> None:
    bucket = a_bucket(clockwork)

    bucket.charge(100)
    in_debt = bucket.missing(1, clockwork.now)
    bucket.charge(-150)

    assert in_debt == pytest.approx(1.01)
    assert bucket.missing(50, clockwork.now) == 0


def test_a_cost_is_taken_from_both_buckets_or_from_none(clockwork: Clockwork) -> None:
    shared = Bucket(10, 100, clockwork)
    own, other = Bucket(10, 100, clockwork, shared=shared), Bucket(10, 60, clockwork, shared=shared)

    taken = [own.take(80, 0, 80, 0, clockwork.now), other.take(30, 0, 30, 0, clockwork.now), other.take(70, 0, 20, 0, clockwork.now)]

    assert taken == [True, False, True]
    assert [bucket.missing(1, clockwork.now) for bucket in (own, other, shared)] == [0, pytest.approx(1.1), pytest.approx(0.1)]


def test_a_refusal_costs_something_but_never_more_than_is_left(clockwork: Clockwork) -> None:
    bucket = Bucket(10, 100, clockwork)
    bucket.charge(98.5)

    for _ in range(5):
        bucket.charge_refusal()

    assert REFUSAL == 1
    assert bucket.missing(100, clockwork.now) == 10


def test_a_bucket_that_is_used_is_kept_longer_than_one_that_is_not(clockwork: Clockwork) -> None:
    buckets = Buckets(1, 1000, clockwork, max_buckets=3)
    for key in "abc":
        buckets.add(key).charge(500)
    clockwork.now += 1
    used = buckets.get("a")
    assert used
    used.missing(1, clockwork.now)

    buckets.add("d")

    assert [buckets.get(key) is not None for key in "abcd"] == [True, False, True, True]


def test_a_bucket_is_kept_while_its_shared_bucket_is_not_full(clockwork: Clockwork) -> None:
    shared = Bucket(1, 100, clockwork)
    buckets = Buckets(1000, 100, clockwork)
    buckets.add("a", shared)
    shared.charge(50)

    buckets.add("b")
    before = len(buckets)
    clockwork.now += 60
    buckets.add("c")

    assert (before, len(buckets)) == (2, 1)


def test_without_a_limit_a_bucket_is_never_empty(clockwork: Clockwork) -> None:
    bucket = Buckets(0, 1, clockwork).add("a")

    bucket.charge(1e12)

    assert bucket.missing(1e9, clockwork.now) == 0
