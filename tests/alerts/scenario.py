"""A scenario makes one or more alerts fire by a fault, and resolves them by the steps of their runbooks."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from tests.alerts.prometheus import Labels
from tests.alerts.stage import Stage

# A generator with one `yield`. Before the `yield`, the generator causes the fault. Then it yields the labels that the alerts must have. After the
# `yield`, it takes the steps of the runbook.
Play = Callable[[Stage], AsyncGenerator[Labels, None]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A fault, and the steps that remove it. `alerts`: the alerts that the fault makes fire. `fault`, `remedy`: descriptions for the table.
    `seconds`: how long an alert may take to fire.
    """

    alerts: tuple[str, ...]
    fault: str
    remedy: str
    play: Play
    seconds: float = 150.0


def scenario(*alerts: str, fault: str, remedy: str, seconds: float = 150.0) -> Callable[[Play], Scenario]:
    """A decorator that makes a scenario of a generator function. The arguments become the fields of the scenario."""
    return lambda play: Scenario(alerts, fault, remedy, play, seconds)
