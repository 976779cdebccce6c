"""A scenario makes one or more alerts fire by a fault, and resolves them by the steps of their runbooks."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from tests.alerts.prometheus import Labels
from tests.alerts.stage import Stage

# A generator: up to its only `yield`, the fault; after that, the steps of the runbook. It yields the labels that the alerts must have.
Play = Callable[[Stage], AsyncGenerator[Labels, None]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """`alerts`: the alerts that fire. `fault` and `remedy` describe what the scenario does. `seconds`: how long an alert may take to fire."""

    alerts: tuple[str, ...]
    fault: str
    remedy: str
    play: Play
    seconds: float = 150.0


def scenario(*alerts: str, fault: str, remedy: str, seconds: float = 150.0) -> Callable[[Play], Scenario]:
    """Make a scenario of a generator function."""
    return lambda play: Scenario(alerts, fault, remedy, play, seconds)
