"""Copies of the alerts with shorter times, so that an alert fires and is resolved within a minute.

Each alert is in both copies. In the copy UNCHANGED, only `for` is shorter: it shows that the expression fires. But an expression over the last hour
still fires an hour after the fault. So in the copy SHORT, the windows are shorter too: it shows that the alert is resolved when the runbook was
followed.
"""

import re
from dataclasses import dataclass
from pathlib import Path

RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "rules.yml"
UNCHANGED, SHORT = "unchanged", "short"
FOR, WINDOW = "2s", "20s"
# Alerts for which the test must wait, because a process measures an age itself, so that the test can't change it. For each alert: a part of its
# expression, and the shorter limit that replaces it in both copies. Gateways fetch the issuer's keys every 600 seconds, so 640 is long enough.
WAITING = {"IssuerKeysStale": ("> 3600", "> 640")}


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert in RULES. `text`: its part of the file, from its name up to the next alert."""

    name: str
    text: str

    @property
    def has_window(self) -> bool:
        """Whether the expression covers a period of the past, so that the alert still fires when the cause is over."""
        return "[" in self.text

    @property
    def expression(self) -> str:
        """The expression as in the file."""
        found = re.search(r"^        expr: '(.*)'$", self.text, re.MULTILINE)
        assert found, self.name
        return found[1]


def alerts() -> dict[str, Alert]:
    """All alerts in RULES, by name."""
    parts = re.split(r"^      - alert: ", RULES.read_text(), flags=re.MULTILINE)[1:]
    return {name: Alert(name, part) for part in parts for name in [part.partition("\n")[0]]}


def copied(copy: str) -> str:
    """The text of a copy of the rules. Each alert has the label `copy`, and fires after FOR."""
    rules = "".join(f"      - alert: {copied_alert(alert, copy)}" for alert in alerts().values())
    return f"groups:\n  - name: {copy}\n    rules:\n{rules}"


def copied_alert(alert: Alert, copy: str) -> str:
    """The text of an alert in a copy, UNCHANGED or SHORT."""
    text = re.sub(r"^        for: .*\n", "", alert.text, flags=re.MULTILINE)
    text = text.replace("        labels:\n", f"        for: {FOR}\n        labels:\n          copy: {copy}\n")
    if alert.name in WAITING:
        text = text.replace(*WAITING[alert.name])
    if copy == SHORT:
        text = re.sub(r"\[\w+\]", f"[{WINDOW}]", text)
        text = re.sub(r"offset \w+", f"offset {WINDOW}", text)
    return text
