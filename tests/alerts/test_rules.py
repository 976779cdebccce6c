"""Tests that the copies of the rules keep the expressions of the alerts, and that there is a scenario for each alert."""

import re

import pytest

from tests.alerts.rules import SHORT, UNCHANGED, WAITING, alerts, copied
from tests.alerts.run import missing


def expressions(text: str) -> dict[str, str]:
    """The expression of each alert in a text of rules."""
    return dict(re.findall(r"- alert: (\w+)\n        expr: '(.*)'\n", text))


def test_a_copy_keeps_the_expressions_except_for_the_ages_that_can_only_be_waited_for() -> None:
    originals = {name: alert.expression for name, alert in alerts().items()}

    found = expressions(copied(UNCHANGED))

    assert found.keys() == originals.keys()
    assert {name for name in found if found[name] != originals[name]} == WAITING.keys()


def test_the_short_copy_differs_in_windows_only() -> None:
    unchanged, short = expressions(copied(UNCHANGED)), expressions(copied(SHORT))

    assert {name: re.sub(r"(\[|offset )\w+", r"\g<1>", text) for name, text in short.items()} == {
        name: re.sub(r"(\[|offset )\w+", r"\g<1>", text) for name, text in unchanged.items()
    }
    assert {name for name in short if short[name] != unchanged[name]} == {name for name, alert in alerts().items() if alert.has_window}


@pytest.mark.parametrize("copy", [UNCHANGED, SHORT])
def test_every_alert_of_a_copy_fires_soon_and_has_its_label(copy: str) -> None:
    text = copied(copy)

    assert text.count("        for: 2s\n") == text.count(f"          copy: {copy}\n") == len(alerts())


def test_every_alert_has_a_scenario() -> None:
    assert missing() == set()
