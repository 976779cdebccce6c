"""Many operations, compared: what the suite does in small and the command at length."""

import asyncio
import gc
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from random import Random
from typing import Any

from tests.comparison.comparison import Verdict
from tests.comparison.documents import Written
from tests.comparison.executors import Compiled, Prepare, reference
from tests.comparison.generation import documents
from tests.comparison.subjects import Start, Subject
from tests.comparison.trial import Difference, Trial, starts

COLLECT_EVERY = 20
TURNS = 20


@dataclass
class Tally:
    """What came of it."""

    operations: int = 0
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)

    def count(self, came: Verdict | Difference) -> None:
        """Count one execution."""
        if isinstance(came, Difference):
            self.differences.append(came)
        self.verdicts[came if isinstance(came, Verdict) else Verdict.DIFFERENT] += 1

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.operations + other.operations,
            self.verdicts + other.verdicts,
            self.refused + other.refused,
            [*self.differences, *other.differences],
        )

    def __str__(self) -> str:
        executions = sum(self.verdicts.values())
        counts = [f"{self.operations} operations, {executions} executions", *(f"{self.verdicts[each]} {each.value}" for each in Verdict)]
        left = [f"{number} left to graphql-core: {why}" for why, number in self.refused.most_common()]
        return ", ".join(counts + left)


Trials = Iterable[tuple[Written, list[Start]]]


def trials(subject: Subject, operations: int, seed: int) -> Iterator[tuple[Written, list[Start]]]:
    """So many operations, with what their executions begin with: the same ones for the same seed."""
    random = Random(f"{seed} started")
    for written in islice(documents(subject, seed), operations):
        yield written, list(starts(subject, written, random))


async def compare(subject: Subject, asked: Trials, got: Prepare, most: int = 10, told: Callable[[Difference], None] = lambda _: None) -> Tally:
    """Execute all of it both ways, until there are so many differences."""
    tally, expected = Tally(), reference(subject.schema)
    known = Counter(got.refused) if isinstance(got, Compiled) else Counter()
    async with indulgent() as collect:
        for written, begun in asked:
            if len(tally.differences) >= most:
                break
            trial = Trial(subject, written, expected, got)
            tally.operations += 1
            for start in begun:
                came = await trial.run(start)
                tally.count(came)
                if isinstance(came, Difference):
                    told(came)
            if not tally.operations % COLLECT_EVERY:
                collect()
    if isinstance(got, Compiled):
        tally.refused = got.refused - known
    return tally


@asynccontextmanager
async def indulgent() -> AsyncIterator[Callable[[], Any]]:
    """Let go of coroutines that never began without a word: graphql-core does so with some, and so may whoever makes a mistake."""
    # Garbage is collected here and nowhere else: Python complains of them where it finds them.
    gc.freeze()
    gc.disable()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
            yield gc.collect
            for _ in range(TURNS):
                # What graphql-core leaves to be done in the background comes to its end.
                await asyncio.sleep(0)
            gc.collect()
    finally:
        gc.enable()
        gc.unfreeze()
