"""Tests that only a few reads that may take long run at a time, and that counts have a time limit and are charged for."""

import asyncio
from dataclasses import dataclass, field

import pytest

from domain.errors import RateLimited, TookTooLong, Unavailable
from store.counts.counting import MAX_READS_AT_A_TIME, Counting
from store.driver import answering
from store.verifications import Store
from tests.factories import a_verification


@dataclass
class Purse:
    """A payer that records the number of rows of each charge. If `in_debt` is set, its method `check` raises RateLimited."""

    in_debt: bool = False
    charges: list[int] = field(default_factory=list)

    def check(self) -> None:
        if self.in_debt:
            raise RateLimited(1.5)

    def charge(self, rows: int, seconds: float) -> None:
        assert seconds >= 0
        self.charges.append(rows)


class Reads:
    """Reads that end when a test sets the event `end`. `running`: how many run now. `most`: how many have run at the same time."""

    def __init__(self) -> None:
        self.running = 0
        self.most = 0
        self.end = asyncio.Event()

    async def read(self) -> int:
        self.running += 1
        self.most = max(self.most, self.running)
        await self.end.wait()
        self.running -= 1
        return 7


async def test_only_a_few_counts_of_a_workspace_run_at_a_time(store: Store) -> None:
    counting, reads = Counting(60), Reads()
    acme = [asyncio.create_task(counting.counted("acme", reads.read, int)) for _ in range(10)]
    other = asyncio.create_task(counting.counted("other", reads.read, int))
    await asyncio.sleep(0)
    running = reads.running

    reads.end.set()

    assert running == MAX_READS_AT_A_TIME + 1
    assert await asyncio.gather(*acme, other) == [7] * 11
    assert reads.most == MAX_READS_AT_A_TIME + 1


async def test_other_reads_do_not_wait_for_counts() -> None:
    counting, reads = Counting(60), Reads()
    tasks = [asyncio.create_task(counting.counted("acme", reads.read, int)) for _ in range(MAX_READS_AT_A_TIME)]
    tasks += [asyncio.create_task(counting.in_turn("acme", reads.read)) for _ in range(5)]
    await asyncio.sleep(0)
    running = reads.running

    reads.end.set()
    await asyncio.gather(*tasks)

    assert running == 2 * MAX_READS_AT_A_TIME


async def test_a_count_is_charged_by_the_rows_in_its_result() -> None:
    purse, reads = Purse(), Reads()
    reads.end.set()

    await Counting(60).counted("acme", reads.read, int, purse)

    assert purse.charges == [7]


async def test_a_count_of_a_payer_in_debt_does_not_run() -> None:
    purse, reads = Purse(in_debt=True), Reads()

    with pytest.raises(RateLimited) as refused:
        await Counting(60).counted("acme", reads.read, int, purse)

    assert (purse.charges, reads.most) == ([], 0)
    assert refused.value.details == {"retryAfterMs": 1500}


async def test_a_count_that_takes_too_long_is_ended_and_charged(store: Store) -> None:
    await store.within("acme").add(a_verification())
    purse = Purse()

    async def read() -> int:
        with answering():
            return len(await store.collection.find({"$where": "sleep(5000) || true"}).to_list(None))

    with pytest.raises(TookTooLong):
        await Counting(0.2).counted("acme", read, int, purse)

    assert purse.charges == [0]


async def test_a_count_without_a_database_is_not_too_long() -> None:
    async def read() -> int:
        raise Unavailable

    with pytest.raises(Unavailable):
        await Counting(60).counted("acme", read, int)
