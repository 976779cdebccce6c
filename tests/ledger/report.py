"""Reports the results of a run: as figures for a JSON file, and as a table for people."""

from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import asdict
from statistics import median
from typing import Any

from tests.ledger.checker import verdict
from tests.ledger.records import Ended, Fault, FeedItem, Log, Updated
from tests.ledger.records import Outcome as Answer
from tests.ledger.run import Outcome

MAX_FINDINGS = 40


def figures(outcome: Outcome) -> dict[str, Any]:
    """All figures of a run, for the JSON file."""
    answers = Counter(write.outcome for write in outcome.written)
    unknown = {write.name for write in outcome.written if write.outcome is Answer.UNKNOWN}
    settled = {write.name for write in outcome.written if write.outcome is not Answer.UNKNOWN}
    there = {source for document in outcome.documents.values() for source in (*document.sources.values(), document.key)}
    entries = [entry for log in outcome.logs for entry in log.entries]
    return {
        "plan": asdict(outcome.plan),
        "seconds": round(outcome.seconds, 1),
        "faults": len(outcome.faults),
        "elections": len([at for at, _ in outcome.elections if outcome.faults and at >= outcome.faults[0].began_at]),
        "verifications": len(outcome.documents),
        "events": sum(document.version for document in outcome.documents.values()),
        "writes": {
            "acknowledged": answers[Answer.ACKNOWLEDGED],
            "refused": answers[Answer.REFUSED],
            "unknown": answers[Answer.UNKNOWN],
            "unknown and settled by repeating": len(unknown & settled),
            "left unknown, and made": len((unknown - settled) & there),
            "left unknown, and not known to be made": len(unknown - settled - there),
            "why unknown": dict(Counter(write.code for write in outcome.written if write.outcome is Answer.UNKNOWN).most_common()),
        },
        "subscribers": len(outcome.logs),
        "messages": sum(isinstance(entry, Updated | FeedItem) for entry in entries),
        "endings": dict(Counter(f"{entry.how.value} {entry.code}".strip() for entry in entries if isinstance(entry, Ended)).most_common()),
        "gateway gone after SIGTERM, longest seconds": round(max(outcome.drains, default=0.0), 2),
        "kinds": kinds(outcome),
        "verdict": verdict(outcome.findings),
        "findings": [f"{finding.breach.value}: {finding.where}: {finding.what}" for finding in outcome.findings],
    }


def kinds(outcome: Outcome) -> dict[str, dict[str, Any]]:
    """For each kind of fault: how often it occurred, and for each of COLUMNS the median and the longest time.

    The times come from the records of the witnesses: steady subscribers that connect to a gateway without a proxy.
    """
    table: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for witness in (log for log in outcome.logs if log.name.startswith("witness")):
        for name, column in COLUMNS.items():
            for fault, seconds in column(outcome, witness).items():
                table[fault.kind][name].append(seconds)
    counted = Counter(fault.kind for fault in outcome.faults)
    return {
        kind: {"faults": times, **{name: {"median": round(median(found), 2), "longest": round(max(found), 2)} for name, found in table[kind].items()}}
        for kind, times in counted.most_common()
    }


def silences(outcome: Outcome, witness: Log) -> dict[Fault, float]:
    """For each fault: the longest time between two messages to a witness whose subscription stayed open. `cause` decides which fault is blamed."""
    return pauses(outcome, witness, ended=False)


def absences(outcome: Outcome, witness: Log) -> dict[Fault, float]:
    """For each fault: the longest time between two messages to a witness whose subscription ended between them, so that it subscribed again.

    `cause` decides which fault is blamed.
    """
    return pauses(outcome, witness, ended=True)


def pauses(outcome: Outcome, witness: Log, *, ended: bool) -> dict[Fault, float]:
    """For each fault: the longest pause between two messages with a state. `cause` decides which fault is blamed.

    `ended`: measure only pauses in which the subscription ended; otherwise, only pauses in which it stayed open.
    """
    longest: dict[Fault, float] = defaultdict(float)
    before: float | None = None
    broken = False
    for entry in witness.entries:
        broken = broken or isinstance(entry, Ended)
        if isinstance(entry, FeedItem) and entry.row:
            fault = before and broken is ended and cause(outcome, before, entry.at)
            if before and fault and entry.at < outcome.written_until:
                longest[fault] = max(longest[fault], entry.at - before)
            before, broken = entry.at, False
    return longest


def lags(outcome: Outcome, witness: Log) -> dict[Fault, float]:
    """For each fault: the longest time from the acknowledgement of a write until the witness received the written state or a later one.

    `cause` decides which fault is blamed.
    """
    received: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for entry in witness.entries:
        if isinstance(entry, FeedItem) and entry.row:
            received[entry.row.id].append((entry.row.version, entry.at))
    longest: dict[Fault, float] = defaultdict(float)
    for write in outcome.written:
        fault = cause(outcome, write.answered_at, write.answered_at)
        times = [at for version, at in received[write.id or ""] if version >= write.version]
        if fault and times and write.outcome is Answer.ACKNOWLEDGED:
            longest[fault] = max(longest[fault], min(times) - write.answered_at)
    return longest


def elections(outcome: Outcome, witness: Log) -> dict[Fault, float]:
    """For each fault: the time from the last election of a primary that the fault caused until the witness received the next message.

    `cause` decides which fault is blamed.
    """
    received = [entry.at for entry in witness.entries if isinstance(entry, FeedItem) and entry.row]
    found = {}
    for elected_at, _ in outcome.elections:
        fault, next = cause(outcome, elected_at, elected_at), bisect(received, elected_at)
        if fault and next < len(received) and elected_at < outcome.written_until:
            found[fault] = received[next] - elected_at
    return found


COLUMNS: dict[str, Callable[[Outcome, Log], dict[Fault, float]]] = {
    "silence": silences,
    "coming back": absences,
    "ack to receipt": lags,
    "after election": elections,
}


def cause(outcome: Outcome, before: float, after: float) -> Fault | None:
    """The fault that is blamed for a delay between the times `before` and `after`.

    It is the first fault that began during the delay, or otherwise the last one that began before it.
    """
    begun = bisect(outcome.faults, before, key=lambda fault: fault.began_at)
    if begun < len(outcome.faults) and outcome.faults[begun].began_at < after:
        return outcome.faults[begun]
    return outcome.faults[begun - 1] if begun else None


def text(result: dict[str, Any]) -> str:
    """The figures as text with a table, for people."""
    plan, writes = result["plan"], result["writes"]
    lines = [
        f"seed {plan['seed']}, {result['seconds']:.0f} s, {result['faults']} faults, {result['elections']} elections"
        + (f", planted: {plan['planted']}" if plan["planted"] else ""),
        f"{result['verifications']} verifications with {result['events']} events; "
        f"{result['subscribers']} subscribers received {result['messages']} messages",
        f"writes: {writes['acknowledged']} acknowledged, {writes['refused']} refused, {writes['unknown']} unknown "
        f"({writes['unknown and settled by repeating']} settled by repeating; left unknown: {writes['left unknown, and made']} made, "
        f"{writes['left unknown, and not known to be made']} not known to be made)",
        "why unknown: " + ", ".join(f"{why} {times}" for why, times in writes["why unknown"].items()),
        "subscriptions ended: " + ", ".join(f"{how} {times}" for how, times in result["endings"].items()),
        f"a gateway was gone at most {result['gateway gone after SIGTERM, longest seconds']} s after SIGTERM",
        "",
        f"{'':29}      " + "".join(f"{name:>17}" for name in COLUMNS),
        f"{'fault':29} times" + f"{'median longest':>17}" * len(COLUMNS) + "   seconds",
    ]
    for kind, row in result["kinds"].items():
        cells = [f"{row[name]['median']:7.2f} {row[name]['longest']:7.2f}" if name in row else "" for name in COLUMNS]
        lines.append(f"{kind:29} {row['faults']:5}" + "".join(f"{cell:>17}" for cell in cells))
    lines += ["", ", ".join(f"{breach} {times}" for breach, times in result["verdict"].items())]
    lines += result["findings"][:MAX_FINDINGS]
    if len(result["findings"]) > MAX_FINDINGS:
        lines.append(f"and {len(result['findings']) - MAX_FINDINGS} more")
    lines.append("RED" if result["findings"] else "GREEN")
    return "\n".join(lines) + "\n"
