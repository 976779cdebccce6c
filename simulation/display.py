"""Shows the progress of a simulation, as a display in the terminal or as lines of text."""

import asyncio

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from simulation.tally import STATUSES, Tally

STYLES = {"PENDING": "yellow", "VERIFIED": "green", "FAILED": "red", "INCONCLUSIVE": "magenta"}
FRAME_SECONDS, LINE_SECONDS = 0.2, 5.0


async def show(tally: Tally, console: Console) -> None:
    """Show the counts of a tally until the task is cancelled.

    In a terminal, each new display replaces the previous one. Otherwise, a line is printed every `LINE_SECONDS`.
    """
    if not console.is_terminal:
        while True:
            await asyncio.sleep(LINE_SECONDS)
            console.print(line(tally), soft_wrap=True, highlight=False)
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            live.update(dashboard(tally), refresh=True)
            await asyncio.sleep(FRAME_SECONDS)


def dashboard(tally: Tally) -> Group:
    """The content of the terminal's display: the counts by status, the summary, and the last few changes."""
    counts, changes = Table.grid(padding=(0, 4)), Table.grid(padding=(0, 2))
    counts.add_row(*(Text(status.lower(), STYLES[status]) for status in STATUSES))
    counts.add_row(*(Text(str(tally.statuses[status]), f"bold {STYLES[status]}") for status in STATUSES))
    for change in tuple(tally.changes):
        changes.add_row(
            Text(change.reference, "dim"),
            Text(change.name, no_wrap=True, overflow="ellipsis"),
            Text(change.description, STYLES[change.state.status], no_wrap=True, overflow="ellipsis"),
        )
    heading = Text(f"{tally.seconds:.0f} s, {tally.lives} verifications started, {tally.in_flight} in flight", "bold")
    return Group(heading, Text(), counts, Text(), *summary(tally), Text(), changes)


def summary(tally: Tally) -> list[Text]:
    """A few lines of text with the counts of attempts, reports, refusals, faults and errors, and with the last fault and the last error."""
    events = f"{tally.repeated} reports repeated, {tally.ignored} results ignored, {tally.anonymized} anonymized"
    lines = [Text(f"{tally.attempts} attempts, {tally.left} left to their deadlines, {tally.closed} closed, {events}")]
    if tally.refusals:
        lines.append(Text("refused: " + ", ".join(f"{count} {code}" for code, count in tally.refusals.most_common()), "yellow"))
    if tally.faults:
        lines.append(Text(f"{tally.faults} faults retried, the last: {tally.last_fault}", "yellow"))
    if tally.errors:
        lines.append(Text(f"{tally.errors} errors, the last: {tally.last_error}", "red"))
    return lines


def line(tally: Tally) -> str:
    """The most important counts in one line, for output that is not a terminal and for the end of a simulation."""
    statuses = ", ".join(f"{tally.statuses[status]} {status.lower()}" for status in STATUSES)
    troubles = f"{tally.refusals.total()} refused, {tally.faults} faults, {tally.errors} errors"
    return f"{tally.seconds:.0f} s, {tally.lives} started, {tally.in_flight} in flight: {statuses}; {troubles}"
