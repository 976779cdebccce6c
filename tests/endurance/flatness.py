"""Decides from samples whether a figure of the gateways stays flat, or rises with time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

# The share of a run, at its beginning, that is not judged, because caches are still filled, and the driver still makes its threads and connections.
WARM_UP = 1 / 6

# The time in seconds since the run began, and the value.
Sample = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Flat:
    """What counts as flat for one figure.

    From the end of the warm-up to the end of the run, the line through the samples may rise by `share` times the samples' median, or by `amount` if
    that is more.
    """

    figure: str
    title: str
    unit: str
    share: float
    amount: float = 0.0


# The latencies are those of a machine that also does other work. So their limits are wider than those of the figures of the processes themselves.
LIMITS = (
    Flat("memory", "Resident memory of a worker", "MB", 0.05),
    Flat("threads", "Threads of a worker", "", 0.0, 1.0),
    Flat("descriptors", "Open descriptors of a worker", "", 0.05, 4.0),
    Flat("processor", "Processor time of a worker, in a second", "ms", 0.15, 5.0),
    Flat("read", "Latency of queries, median", "ms", 0.5, 2.0),
    Flat("creation", "Latency of creations, median", "ms", 0.5, 5.0),
    Flat("lateness", "From the provider's webhook to the follower, median", "ms", 0.5, 5.0),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How much a figure rises, and how much it may. `name`: the name of the series, such as that of a worker."""

    flat: Flat
    name: str
    median: float
    rise: float
    allowed: float

    @property
    def kept(self) -> bool:
        """Whether the figure stays flat."""
        return self.rise <= self.allowed


def judged(samples: Sequence[Sample]) -> list[Sample]:
    """The samples after the warm-up."""
    last = max((at for at, _ in samples), default=0.0)
    return [(at, value) for at, value in samples if at >= last * WARM_UP]


def slope(samples: Sequence[Sample]) -> float:
    """How much the line through the samples rises per second: the median of the slopes between any two samples (Theil and Sen).

    Single outliers, such as a pause of the machine, don't change it. Cost: grows with the square of the number of samples.
    """
    return median(((later - earlier) / (end - begin) for (begin, earlier), (end, later) in combinations(samples, 2) if end > begin))


def verdict(flat: Flat, name: str, samples: Sequence[Sample]) -> Verdict:
    """The verdict over a series of samples. Raises: StatisticsError if there are fewer than two samples after the warm-up."""
    kept = judged(samples)
    middle = median(value for _, value in kept)
    rise = slope(kept) * (kept[-1][0] - kept[0][0])
    return Verdict(flat, name, middle, rise, max(flat.share * middle, flat.amount))


def verdicts(figures: Mapping[str, Mapping[str, Sequence[Sample]]]) -> list[Verdict]:
    """The verdicts over all series that LIMITS name. `figures`: the samples by the name of the figure, then by that of the series."""
    return [verdict(flat, name, samples) for flat in LIMITS for name, samples in figures[flat.figure].items()]
