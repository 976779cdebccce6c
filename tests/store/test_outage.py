import logging

import pytest

from store.outage import Outage


def test_each_reason_is_logged_once_until_the_next_success(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    outage = Outage(logging.getLogger("test"), "it works again")

    outage.over()
    for reason in ("it is away", "it is away", "it refuses", "it refuses", "it is away"):
        outage.failed(reason)
    outage.over()
    outage.over()
    outage.failed("it is away", logging.ERROR)

    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "it is away"),
        ("WARNING", "it refuses"),
        ("INFO", "it works again"),
        ("ERROR", "it is away"),
    ]


def test_the_pause_doubles_with_each_failure_up_to_the_longest() -> None:
    outage = Outage(logging.getLogger("test"), "it works again")

    pauses = [outage.pause_seconds(0.25, 3.0)]
    for _ in range(6):
        outage.failed("it is away")
        pauses.append(outage.pause_seconds(0.25, 3.0))
    outage.over()

    assert pauses == [0.25, 0.25, 0.5, 1.0, 2.0, 3.0, 3.0]
    assert outage.pause_seconds(0.25, 3.0) == 0.25


def test_a_very_long_outage_has_a_pause_too() -> None:
    outage = Outage(logging.getLogger("test"), "it works again")
    for _ in range(5000):
        outage.failed("it is away")

    assert outage.pause_seconds(0.25, 3.0) == 3.0
