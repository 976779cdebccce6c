"""Reports the results of a run: as figures for a JSON file, and as a table for people."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.soak.checker import Breach, Finding
from tests.soak.records import Records

MAX_FINDINGS = 40


@dataclass(frozen=True, slots=True)
class Result:
    """The results of a run. `errors`: the lines that the gateways logged as errors, with how often each occurred."""

    seed: int
    gateways: int
    planted: str | None
    seconds: float
    records: Records
    findings: Sequence[Finding]
    errors: Counter[str] = field(default_factory=Counter)


def figures(result: Result) -> dict[str, Any]:
    """All figures of a run."""
    records = result.records
    videos: Counter[int] = Counter(records.numbers.values())
    linked = {document.get("provider", {}).get("id") for document in records.documents}
    sent: defaultdict[bool, int] = defaultdict(int)
    for webhook in records.delivered:
        sent[webhook.accepted] += 1
    breaches = Counter(finding.breach for finding in result.findings)
    return {
        "seed": result.seed,
        "gateways": result.gateways,
        "planted": result.planted,
        "seconds": round(result.seconds, 1),
        "verifications": len(records.fates),
        "injected": dict(sorted(records.injected.items())),
        "outcomes": dict(Counter(outcome_of(document) for document in records.documents).most_common()),
        "events": sum(document["version"] for document in records.documents),
        "webhooks from the provider, recorded": len(records.inbox),
        "webhooks to the backend, accepted": sent[True],
        "webhooks to the backend, not accepted": sent[False],
        "outcomes that a query of the provider brought, not a webhook": sum(map(queried, records.documents)),
        "started more than once at the provider": sum(1 for number in videos.values() if number > 1),
        "verifications at the provider without a link to them": len(records.numbers.keys() - linked),
        "violations": {breach.value: breaches[breach] for breach in Breach},
        "findings": [f"{finding.breach.value}: {finding.where}: {finding.what}" for finding in result.findings],
        "errors": dict(result.errors.most_common()),
    }


def queried(document: Any) -> bool:
    """Whether the gateway learned the outcome of a verification by a query. If a webhook reported it, the event of the outcome has a `sourceId`."""
    outcome = next((event for event in document["events"] if event["type"] == "status_changed"), None)
    return bool(outcome and not outcome.get("sourceId") and document.get("provider", {}).get("id"))


def outcome_of(document: Any) -> str:
    """The outcome of a verification, for the table."""
    outcome = next((event for event in document["events"] if event["type"] == "status_changed"), None)
    if not outcome:
        return str(document["status"])
    if document["status"] == "inconclusive" and not document.get("provider", {}).get("id"):
        return "inconclusive, refused by the provider" if outcome["actor"] == "provider" else "inconclusive, no answer from the provider"
    return f"{document['status']}, decided by the {outcome['actor']}"


def text(figures: dict[str, Any]) -> str:
    """The figures as tables, for people."""
    planted = f", planted: {figures['planted']}" if figures["planted"] else ""
    lines = [
        f"seed {figures['seed']}, {figures['verifications']} verifications, {figures['gateways']} gateways, {figures['seconds']:.0f} s{planted}",
        *table("injected faults", figures["injected"]),
        *table("verifications by outcome", figures["outcomes"]),
        *table("totals", {name: value for name, value in figures.items() if isinstance(value, int) and name not in ("seed", "gateways")}),
        *table("errors that the gateways logged", figures["errors"] or {"none": 0}),
        *table("violations", figures["violations"] | {"all": sum(figures["violations"].values())}),
        "",
        *figures["findings"][:MAX_FINDINGS],
    ]
    if len(figures["findings"]) > MAX_FINDINGS:
        lines.append(f"and {len(figures['findings']) - MAX_FINDINGS} more")
    lines.append("RED" if figures["findings"] else "GREEN")
    return "\n".join(lines) + "\n"


def table(title: str, rows: dict[str, int]) -> list[str]:
    """The lines of a table with two columns."""
    return ["", f"{title:72} times", *(f"  {name:70} {number:5,}" for name, number in rows.items())]
