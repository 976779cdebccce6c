"""Tests the metric that shows the workspaces with the highest cost in the last full minute."""

from prometheus_client import CollectorRegistry

from gateway.process.workspaces import MAX_COUNTED_WORKSPACES, MAX_SHOWN, MINUTE_SECONDS, BusiestWorkspaces


def shown(workspaces: BusiestWorkspaces) -> dict[str, float]:
    """The costs that the metric shows, by workspace."""
    return {sample.labels["workspace"]: sample.value for metric in workspaces.collect() for sample in metric.samples}


def test_the_workspaces_with_the_highest_cost_of_the_last_full_minute_are_shown() -> None:
    seconds = [0.0]
    workspaces = BusiestWorkspaces(lambda: seconds[0])
    for number in range(50):
        workspaces.executed(f"w{number}", number)
    assert shown(workspaces) == {}

    seconds[0] = MINUTE_SECONDS
    workspaces.turn()
    workspaces.executed("w0", 1000)

    assert shown(workspaces) == {f"w{number}": number for number in range(50 - MAX_SHOWN, 50)}
    seconds[0] += MINUTE_SECONDS
    assert shown(workspaces) == {"w0": 1000}
    seconds[0] += 3 * MINUTE_SECONDS
    assert shown(workspaces) == {}


def test_the_number_of_counted_workspaces_is_bounded() -> None:
    workspaces = BusiestWorkspaces(lambda: 0.0)

    for number in range(3 * MAX_COUNTED_WORKSPACES):
        workspaces.executed(f"w{number}", number)
        if number % 100 == 0:
            workspaces.turn()

    assert len(workspaces._present) <= MAX_COUNTED_WORKSPACES + 100
    assert f"w{3 * MAX_COUNTED_WORKSPACES - 1}" in workspaces._present
    registry = CollectorRegistry()
    registry.register(workspaces)
