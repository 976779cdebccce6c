"""The classes that trace operations override only the methods that begin spans. tests/gateway/process/test_tracing.py tests these spans."""

from gateway.operations.execution import Execution
from gateway.operations.live import Live
from gateway.operations.traced import TracedExecution, TracedLive


def test_only_the_entry_points_are_wrapped() -> None:
    def own(kind: type) -> set[str]:
        return {name for name in vars(kind) if not name.startswith("__")}

    assert own(TracedExecution) == {"execute"} < own(Execution) | {"execute"}
    assert own(TracedLive) == {"_events"}
    assert hasattr(Live, "_events")
