"""Compares both executors on many generated operations. The test suite executes some hundreds, `make compare` many thousands."""

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
from tests.comparison.documents import OperationDocument
from tests.comparison.executors import Compiled, Prepare, reference
from tests.comparison.generation import documents
from tests.comparison.subjects import Start, Subject
from tests.comparison.trial import Difference, Trial, starts

# After how many operations garbage is collected. Automatic collection is off (see `without_warnings_about_coroutines`).
COLLECT_EVERY = 20
# How many iterations of the event loop `without_warnings_about_coroutines` runs at its end: enough for graphql-core's background tasks to end.
TURNS = 20


@dataclass
class Tally:
    """The counts of a comparison, and the differences that it found. `refused`: how many executions the compiler left to graphql-core, by reason."""

    operations: int = 0
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)

    def count(self, outcome: Verdict | Difference) -> None:
        """Count the outcome of one execution."""
        if isinstance(outcome, Difference):
            self.differences.append(outcome)
        self.verdicts[outcome if isinstance(outcome, Verdict) else Verdict.DIFFERENT] += 1

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


Trials = Iterable[tuple[OperationDocument, list[Start]]]


def trials(subject: Subject, operations: int, seed: int) -> Iterator[tuple[OperationDocument, list[Start]]]:
    """Generate trials: operations, each with what its executions need (see `Start`). The same seed makes the same trials."""
    random = Random(f"{seed} started")
    for generated in islice(documents(subject, seed), operations):
        yield generated, list(starts(subject, generated, random))


async def compare(
    subject: Subject, trials: Trials, got: Prepare, max_differences: int = 10, report: Callable[[Difference], None] = lambda _: None
) -> Tally:
    """Execute all trials (see the function `trials`) by graphql-core and by the executor `got`. Stops after `max_differences` differences.

    `report` is called with each difference.
    """
    tally, expected = Tally(), reference(subject.schema)
    refused_before = Counter(got.refused) if isinstance(got, Compiled) else Counter()
    async with without_warnings_about_coroutines() as collect:
        for generated, starts in trials:
            if len(tally.differences) >= max_differences:
                break
            trial = Trial(subject, generated, expected, got)
            tally.operations += 1
            for start in starts:
                outcome = await trial.run(start)
                tally.count(outcome)
                if isinstance(outcome, Difference):
                    report(outcome)
            if not tally.operations % COLLECT_EVERY:
                collect()
    if isinstance(got, Compiled):
        tally.refused = got.refused - refused_before
    return tally


@asynccontextmanager
async def without_warnings_about_coroutines() -> AsyncIterator[Callable[[], Any]]:
    """Suppress Python's warnings about coroutines that were never awaited.

    graphql-core abandons some coroutines, and so may executors with deliberate mistakes. Yields a function that collects garbage.
    """
    # Python warns when it collects such a coroutine. Warnings are ignored only inside this block, so garbage may be collected only here: automatic
    # collection is off.
    gc.freeze()
    gc.disable()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
            yield gc.collect
            for _ in range(TURNS):
                # graphql-core runs some abandoned coroutines in background tasks. Let these tasks end inside this block, as they cause warnings too.
                await asyncio.sleep(0)
            gc.collect()
    finally:
        gc.enable()
        gc.unfreeze()
