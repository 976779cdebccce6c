"""Prints the figures and the ratios of a run as tables."""

from collections.abc import Mapping
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.ratios import judged


def figures_table(figures: Mapping[str, Mapping[str, Mapping[str, list[float]]]]) -> Table:
    """A table with the median, the minimum and the maximum of each figure over all rounds."""
    table = Table("workload", "server", "figure", "median", "from", "to", title="Figures")
    for workload, cases in figures.items():
        for name, kinds in cases.items():
            for kind, values in kinds.items():
                table.add_row(workload, name, kind, *map(shown, (median(values), min(values), max(values))))
        table.add_section()
    return table


def ratios_table(ratios: Mapping[str, float], by_cpu: Mapping[str, float]) -> Table:
    """A table of the ratios, with their goals. Ratios that miss their goal are red."""
    table = Table("the gateway", "ratio", "goal", "", "by CPU time", title="Side by side")
    for ratio, value in judged(ratios):
        mark = "" if not ratio.goal else "met" if ratio.met(value) else "missed"
        table.add_row(
            ratio.title,
            f"{value:.2f}",
            ratio.goal,
            mark,
            f"{by_cpu[ratio.key]:.2f}" if ratio.key in by_cpu else "",
            style="red" if mark == "missed" else None,
        )
    return table


def shown(value: float) -> str:
    """A figure as text. Figures of 100 and more have no decimals, and smaller ones have two."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}"


def printed(result: Mapping[str, Any]) -> None:
    """Print the result of a run: the table of figures, then the table of ratios."""
    console = Console(width=110)
    console.print(figures_table(result["figures"]))
    console.print(ratios_table(result["ratios"], result["ratios_by_cpu"]))
