"""Draws the figures of a run as an SVG picture with one bar chart (a card) for each workload."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from statistics import median
from typing import Any

from bench.ratios import at

WIDTH, MARGIN, GAP = 1080, 36, 24
CARD = (WIDTH - 2 * MARGIN - GAP) // 2
PADDING, HEAD, ROW, BAR = 20, 66, 26, 14
NAMES, VALUES = 148, 140
FONT = "font-family='Inter, -apple-system, Segoe UI, Helvetica, Arial, sans-serif'"
INK, QUIET, LINE, PAPER, GROUND, MINE, THEIRS = "#172033", "#667085", "#e4e7ec", "#ffffff", "#f5f6f8", "#3b5bdb", "#b8c0cc"

TITLES = {
    "gateway": "this gateway",
    "rest": "REST by hand",
    "gathered": "REST, reads gathered",
    "strawberry": "Strawberry",
    "strawberry_published": "Strawberry, by HTTP",
    "ariadne": "Ariadne",
    "mercurius": "Mercurius, JIT",
    "apollo": "Apollo Server",
    "yoga": "GraphQL Yoga",
    "graphql_ws": "graphql-ws on Node",
    "bare": "bare sockets",
    "first": "page 1",
    "hundredth": "page 100",
    "thousandth": "page 1,000",
    "one": "one process",
    "two": "two processes",
}


@dataclass(frozen=True, slots=True)
class Card:
    """One bar chart of the picture: the figures of one kind for all servers of one workload.

    `workload`, `kind`: where the figures are in the results. `unit`: the unit that is drawn after each value. `divisor`: all
    figures are divided by it, to convert them to this unit.
    `grows`: the chart shows no other servers, but how the gateway behaves as something grows, such as the number of rows. Its bars are not sorted.
    """

    title: str
    subtitle: str
    workload: str
    kind: str
    unit: str = ""
    less_is_better: bool = False
    grows: bool = False
    divisor: float = 1

    def values(self, figures: Mapping[str, Any]) -> dict[str, float]:
        """The value of each bar: the median of all rounds. The best case is first, unless `grows` is set."""
        cases = figures.get(self.workload, {})
        found = {name: median(rounds) / self.divisor for name in cases if (rounds := at(cases, (name, self.kind)))}
        return found if self.grows else dict(sorted(found.items(), key=lambda case: case[1], reverse=not self.less_is_better))


CARDS = (
    Card("Point reads a second", "by id, 64 connections, one core for the server", "point", "per_second"),
    Card("Pages of 50 a second", "with reasons, 64 connections, one core for the server", "page", "per_second"),
    Card("Different pages of 50 a second", "after one of 200 cursors, so that requests can't share a read", "apart", "per_second"),
    Card("Pages of 50 a second, inside the process", "executor alone: no HTTP, no MongoDB", "page_inprocess", "per_second"),
    Card("Nested pages a second", "50 rows with attempts and events", "nested", "per_second"),
    Card("Nine reads and a write", "requests a second; each write is journaled by a majority", "mixed", "per_second"),
    Card("Catalogue of reason codes", "answers a second", "catalogue", "per_second"),
    Card("One event to 1,000 subscribers", "deliveries a second, from the first to the last", "fanout_one", "per_second"),
    Card("One event to 1,000 subscribers, in total", "from its publication to the last delivery", "fanout_one", "told_to_last_ms", "ms", True),
    Card("1,000 events to one subscriber each", "deliveries a second, from the first to the last", "fanout_many", "per_second"),
    Card("Memory of an idle subscriber", "resident, with 2,000 subscribers", "memory", "bytes", "kB", True, divisor=1000),
    Card("From a write to its delivery", "median, while the server answers reads at full load", "lateness", "loaded_ms", "ms", True),
    Card("A page of 50, by number of verifications", "this gateway, page 1", "sizes", "ms", "ms", True, True),
    Card("A page of 50, by its position in a million", "this gateway, by its cursor", "pages", "ms", "ms", True, True),
    Card("One event, by number of subscribers", "this gateway, from the write to the last delivery", "crowds", "told_to_last_ms", "ms", True, True),
    Card(
        "Point reads a second, by processes", "this gateway; the second has the core of MongoDB and the load", "processes", "per_second", grows=True
    ),
)


def drawn(result: Mapping[str, Any]) -> str:
    """The picture of a run as the text of an SVG file."""
    shown = [(card, values) for card in CARDS if (values := card.values(result["figures"]))]
    bodies, top = [], 118
    for left, right in zip(shown[::2], [*shown[1::2], None], strict=False):
        pair = [each for each in (left, right) if each]
        height = HEAD + PADDING + ROW * max(len(values) for _, values in pair)
        bodies += [framed(MARGIN + column * (CARD + GAP), top, height, *each) for column, each in enumerate(pair)]
        top += height + GAP
    return "\n".join([*opening(top + 12, result["machine"]), *bodies, "</svg>", ""])


def opening(height: int, machine: Mapping[str, Any]) -> Iterator[str]:
    """The SVG elements above the cards: the background, the title, the method, and the machine."""
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" {FONT}>'
    yield f'<rect width="{WIDTH}" height="{height}" fill="{GROUND}"/>'
    yield text(MARGIN, 54, "The verification gateway beside its peers", 26, INK, weight=700)
    machine_line = f"{machine['at'][:10]}, {machine['processor']}, {machine['processors']} cores."
    method = "Medians of one run, in turn, over one MongoDB. The gateway authenticates, limits, prices and counts each request; its peers don’t."
    yield text(MARGIN, 80, method, 12.5, QUIET)
    yield text(MARGIN, 98, machine_line, 12.5, QUIET)


def framed(x: int, y: int, height: int, card: Card, values: Mapping[str, float]) -> str:
    """The SVG elements of a card. `x` and `y`: the position of its upper left corner."""
    frame = f'<rect x="{x}" y="{y}" width="{CARD}" height="{height}" rx="12" fill="{PAPER}" stroke="{LINE}"/>'
    titles = [text(x + PADDING, y + 30, card.title, 15.5, INK, weight=650), text(x + PADDING, y + 49, card.subtitle, 12, QUIET)]
    greatest = max(values.values())
    rows = [bar(x + PADDING, y + HEAD + ROW * number, name, value, card, values, greatest) for number, (name, value) in enumerate(values.items())]
    return "\n".join([frame, *titles, *rows])


def bar(x: int, y: int, name: str, value: float, card: Card, values: Mapping[str, float], greatest: float) -> str:
    """The SVG elements of one bar: the name of the case, the bar, the value, and the comparison with the gateway.

    `values`: the values of all bars of the card. `greatest`: the greatest of these, whose bar has the full length.
    """
    room = CARD - 2 * PADDING - NAMES - VALUES
    long, mine = max(room * value / greatest, 2), card.grows or name == "gateway"
    title = TITLES.get(name) or f"{int(name):,}"
    middle = y + ROW / 2 + 4
    value_x = x + NAMES + long + 8
    figure = number(value) + (f" {card.unit}" if card.unit else "")
    parts = [
        text(x, middle, title, 12.5, INK if mine else QUIET, weight=600 if mine and not card.grows else 400),
        f'<rect x="{x + NAMES}" y="{y + (ROW - BAR) / 2:g}" width="{long:.1f}" height="{BAR}" rx="3" fill="{MINE if mine else THEIRS}"/>',
        text(value_x, middle, figure, 12.5, INK, weight=600 if mine else 400),
    ]
    if not mine and "gateway" in values:
        parts.append(text(value_x + 7.4 * len(figure) + 6, middle, compared(values["gateway"], value, card.less_is_better), 11.5, QUIET))
    return "\n".join(parts)


def compared(mine: float, theirs: float, less_is_better: bool) -> str:
    """How a peer compares with the gateway, in words: "2.0× slower". `mine`: the gateway's value. `theirs`: the peer's value."""
    behind = theirs / mine if less_is_better else mine / theirs
    worse, better = ("more", "less") if less_is_better else ("slower", "faster")
    return f"{behind:.1f}× {worse}" if behind >= 1 else f"{1 / behind:.1f}× {better}"


def number(value: float) -> str:
    """A measured number as text, with about three significant digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def text(x: float, y: float, content: str, size: float, fill: str, weight: int = 400) -> str:
    """The SVG element of a line of text that begins at this position."""
    return f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" font-weight="{weight}" fill="{fill}">{escape(content)}</text>'
