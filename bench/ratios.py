"""The ratios of the gateway's figures to those of its peers. Some ratios have a goal."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

Figures = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ratio:
    """One figure divided by another.

    `of` and `over` are the paths of the two figures in the results. `at_least` or `at_most` is the goal of the ratio, if it has one.
    """

    key: str
    title: str
    of: tuple[str, ...]
    over: tuple[str, ...]
    at_least: float | None = None
    at_most: float | None = None

    @property
    def goal(self) -> str:
        """The goal as text, for the table. Empty if there is no goal."""
        if self.at_least is not None:
            return f"≥ {self.at_least:g}"
        return "" if self.at_most is None else f"≤ {self.at_most:g}"

    def met(self, value: float) -> bool:
        """Whether this value of the ratio meets the goal. True if there is no goal."""
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)

    def value(self, figures: Figures) -> float | None:
        """The median of `of` divided by the median of `over`. None if either was not measured."""
        return over(at(figures, self.of), at(figures, self.over))

    def by_cpu(self, figures: Figures) -> float | None:
        """The same ratio, computed from the processor time that each answer took. Other load on the machine has little effect on it.

        None if this is not a ratio of answers per second, or if the processor time was not measured.
        """
        mine, theirs = (at(figures, (*path[:-1], "cpu_us")) for path in (self.of, self.over))
        return over(theirs, mine) if self.of[-1] == "per_second" else None


def over(mine: list[float], theirs: list[float]) -> float | None:
    """The median of `mine` divided by the median of `theirs`. None if either is empty."""
    return median(mine) / median(theirs) if mine and theirs else None


def at(figures: Any, path: tuple[str, ...]) -> list[float]:
    """The list of figures at this path of the results, one for each round. Empty if the path does not exist."""
    for step in path:
        figures = figures.get(step, {})
    return list(figures)


def per_second(workload: str, peer: str, title: str, at_least: float | None = None, key: str = "") -> Ratio:
    """The gateway's answers per second divided by those of a peer."""
    return Ratio(key or f"{workload}_vs_{peer}", title, (workload, "gateway", "per_second"), (workload, peer, "per_second"), at_least)


def milliseconds(workload: str, peer: str, title: str) -> Ratio:
    """The gateway's time from the publication of an event to its last delivery, divided by a peer's time."""
    path = ("told_to_last_ms",)
    return Ratio(f"{workload}_told_vs_{peer}", title, (workload, "gateway", *path), (workload, peer, *path))


RATIOS = (
    per_second("point", "rest", "Point read over hand-written REST", 2),
    per_second("point", "gathered", "Point read over REST that gathers reads"),
    per_second("point", "mercurius", "Point read over Mercurius, JIT", 3),
    per_second("point", "apollo", "Point read over Apollo Server"),
    per_second("point", "yoga", "Point read over GraphQL Yoga"),
    per_second("point", "ariadne", "Point read over Ariadne"),
    per_second("point", "strawberry", "Point read over Strawberry", 5),
    per_second("page", "rest", "Page of 50 over hand-written REST", 1),
    per_second("page", "mercurius", "Page of 50 over Mercurius, JIT", 2),
    per_second("page", "apollo", "Page of 50 over Apollo Server"),
    per_second("page", "yoga", "Page of 50 over GraphQL Yoga"),
    per_second("page", "ariadne", "Page of 50 over Ariadne"),
    per_second("page", "strawberry", "Page of 50 over Strawberry", 8),
    per_second("apart", "rest", "Pages apart over hand-written REST"),
    per_second("apart", "strawberry", "Pages apart over Strawberry"),
    per_second("page_inprocess", "strawberry", "Page inside the process over Strawberry", 20),
    per_second("nested", "mercurius", "Page with attempts and events over Mercurius, JIT"),
    per_second("nested", "strawberry", "Page with attempts and events over Strawberry"),
    per_second("catalogue", "rest", "Catalogue over hand-written REST"),
    per_second("catalogue", "mercurius", "Catalogue over Mercurius, JIT"),
    per_second("catalogue", "strawberry", "Catalogue over Strawberry"),
    per_second("mixed", "rest", "Nine reads and a write over hand-written REST"),
    per_second("fanout_one", "bare", "One to 1,000 over bare sockets", 0.7),
    # graphql-ws prepares the messages of all subscribers before it sends the first one, so the time between its deliveries contains only the
    # sending. The fair comparison is therefore the time from the publication.
    Ratio(
        "fanout_one_vs_graphql_ws",
        "One to 1,000, from publication to the last, graphql-ws on Node over this",
        ("fanout_one", "graphql_ws", "told_to_last_ms"),
        ("fanout_one", "gateway", "told_to_last_ms"),
        2,
    ),
    per_second("fanout_one", "graphql_ws", "One to 1,000, from the first to the last, over graphql-ws on Node", key="fanout_one_sent_vs_graphql_ws"),
    per_second("fanout_one", "strawberry", "One to 1,000 over Strawberry"),
    per_second("fanout_many", "strawberry", "1,000 to 1,000 over Strawberry", 5),
    per_second("fanout_many", "strawberry_published", "1,000 to 1,000 over Strawberry, published by HTTP"),
    milliseconds("fanout_one", "bare", "One to 1,000, from publication to the last, time over bare sockets"),
    milliseconds("fanout_many", "strawberry", "1,000 to 1,000, from publication to the last, time over Strawberry"),
    Ratio(
        "idle_memory_vs_bare",
        "Memory of an idle subscriber over a bare socket",
        ("memory", "gateway", "bytes"),
        ("memory", "bare", "bytes"),
        None,
        1.5,
    ),
    Ratio("page_1000_vs_page_1", "Page 1,000 over page 1, milliseconds", ("pages", "thousandth", "ms"), ("pages", "first", "ms"), None, 1.3),
    Ratio("million_vs_10000", "Page 1 of 1,000,000 over page 1 of 10,000, ms", ("sizes", "1000000", "ms"), ("sizes", "10000", "ms"), None, 1.3),
)


def computed(figures: Figures) -> dict[str, float]:
    """The values of all ratios whose figures were measured, by key."""
    return {ratio.key: value for ratio in RATIOS if (value := ratio.value(figures)) is not None}


def computed_by_cpu(figures: Figures) -> dict[str, float]:
    """The ratios, computed from processor times instead of answers per second, by key. Ratios without measured processor times are left out."""
    return {ratio.key: value for ratio in RATIOS if (value := ratio.by_cpu(figures)) is not None}


def judged(values: Mapping[str, float]) -> Iterator[tuple[Ratio, float]]:
    """The ratios that have a value, each with its value, in the order of RATIOS."""
    return ((ratio, values[ratio.key]) for ratio in RATIOS if ratio.key in values)
