"""Draws an endurance run as an SVG picture: a chart for each figure, with its samples over time, and the line through them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import ceil, floor, log10
from typing import Any

from bench.picture import CARD, FONT, GAP, GROUND, INK, LINE, MARGIN, MINE, PADDING, PAPER, QUIET, THEIRS, WIDTH, number, text
from tests.endurance.flatness import LIMITS, WARM_UP, Flat, Sample, Verdict, judged, verdicts

HEIGHT, TOP, PLOT_TOP, PLOT_HEIGHT = 230, 118, 62, 122
LABELS = 44
COLOURS = (MINE, "#0c8599", "#e8590c", "#7048e8")
METHOD = "One gateway with two workers. Dashed: the line through the samples after the warm-up. Grey: the 99th percentile, cut off at the top."
Figures = Mapping[str, Mapping[str, Sequence[Sample]]]


def picture_of(content: Mapping[str, Any]) -> str:
    """The picture of a run from the content of its file `endurance.json`."""
    machine, figures = content["machine"], content["figures"]
    where = f"{machine['at'][:10]}, {machine['processor']}, {machine['processors']} cores, with other work at the same time."
    return picture(figures, verdicts(figures), content["minutes"], where)


def picture(figures: Figures, found: Sequence[Verdict], minutes: float, machine: str) -> str:
    """The picture of a run as the text of an SVG file. `machine`: the line that says where and when the run was made."""
    cards = [(flat, figures[flat.figure], figures.get(f"{flat.figure}_p99", {})) for flat in LIMITS]
    cards.append((Flat("load", "Load average of the machine: other work shares it", "", 0), figures["load"], {}))
    height = TOP + ceil(len(cards) / 2) * (HEIGHT + GAP) + 12
    bodies: list[str] = []
    for index, (flat, series, tail) in enumerate(cards):
        x, y = MARGIN + index % 2 * (CARD + GAP), TOP + index // 2 * (HEIGHT + GAP)
        bodies += chart(x, y, flat, series, tail, [each for each in found if each.flat.figure == flat.figure], minutes * 60)
    return "\n".join([*heading(height, minutes, machine), *bodies, "</svg>", ""])


def heading(height: int, minutes: float, machine: str) -> Iterator[str]:
    """The SVG elements above the charts."""
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" {FONT}>'
    yield f'<rect width="{WIDTH}" height="{height}" fill="{GROUND}"/>'
    yield text(MARGIN, 54, f"{minutes:g} minutes with everything turned on", 26, INK, weight=700)
    yield text(
        MARGIN,
        80,
        METHOD,
        12.5,
        QUIET,
    )
    yield text(MARGIN, 98, machine, 12.5, QUIET)


def chart(
    x: int, y: int, flat: Flat, series: Mapping[str, Sequence[Sample]], tail: Mapping[str, Sequence[Sample]], found: Sequence[Verdict], seconds: float
) -> Iterator[str]:
    """The SVG elements of one chart. `tail`: the 99th percentiles, drawn pale. `x`, `y`: the position of its upper left corner."""
    highest = top_of(max(value for samples in series.values() for _, value in samples) * 1.1)
    left, width, top = x + PADDING + LABELS, CARD - 2 * PADDING - LABELS, y + PLOT_TOP
    unit = f" {flat.unit}" if flat.unit else ""
    rises = ", ".join(f"{each.name}: {each.rise:+.3g}{unit}" for each in found)
    said = f"rises by {rises}; allowed: {min(each.allowed for each in found):.3g}{unit}" if found else ""

    def point(sample: Sample) -> str:
        at, value = sample
        return f"{left + width * min(at / seconds, 1):.1f},{top + PLOT_HEIGHT * (1 - min(value / highest, 1)):.1f}"

    yield f'<rect x="{x}" y="{y}" width="{CARD}" height="{HEIGHT}" rx="12" fill="{PAPER}" stroke="{LINE}"/>'
    yield text(x + PADDING, y + 28, flat.title, 15.5, INK, weight=650)
    yield text(x + PADDING, y + 46, said, 12, QUIET)
    yield f'<rect x="{left}" y="{top}" width="{width * WARM_UP:.1f}" height="{PLOT_HEIGHT}" fill="{GROUND}"/>'
    for share in (0, 0.5, 1):
        level = top + PLOT_HEIGHT * (1 - share)
        yield f'<line x1="{left}" y1="{level:g}" x2="{left + width}" y2="{level:g}" stroke="{LINE}"/>'
        yield text(x + PADDING, level + 4, number(highest * share) if share else "0", 11, QUIET)
    for minute in range(0, round(seconds / 60) + 1, max(1, round(seconds / 60 / 6))):
        yield text(left + width * minute * 60 / seconds - 4, top + PLOT_HEIGHT + 18, str(minute), 11, QUIET)
    for samples in tail.values():
        yield f'<polyline points="{" ".join(map(point, samples))}" fill="none" stroke="{THEIRS}" stroke-width="1"/>'
    for colour, (name, samples) in zip(COLOURS, series.items(), strict=False):
        yield f'<polyline points="{" ".join(map(point, samples))}" fill="none" stroke="{colour}" stroke-width="1.8"/>'
        yield from (trend(each, samples, point) for each in found if each.name == name)


def trend(verdict: Verdict, samples: Sequence[Sample], point: Callable[[Sample], str]) -> str:
    """The SVG element of the line through the samples after the warm-up. `point`: places a sample in the chart."""
    times = [at for at, _ in judged(samples)]
    ends = (times[0], verdict.median - verdict.rise / 2), (times[-1], verdict.median + verdict.rise / 2)
    return f'<polyline points="{" ".join(map(point, ends))}" fill="none" stroke="{INK}" stroke-width="1.2" stroke-dasharray="5 4"/>'


def top_of(value: float) -> float:
    """The end of an axis: the next of 1, 2, 2.5, 5, 10, 20 … that is at least `value`."""
    power = 10 ** floor(log10(value)) if value > 0 else 1
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value)
