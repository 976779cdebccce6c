"""OpenTelemetry's traces implement the port of traces, as mypy checks here. Inside a trace, commands to MongoDB get a comment with its id."""

from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway.process.traces import Traces
from gateway.process.tracing import OpenTelemetryTraces


def test_outside_of_a_trace_a_command_has_no_comment() -> None:
    traces: Traces = OpenTelemetryTraces("1.2.3", InMemorySpanExporter())

    outside = traces.comment()
    with traces.operation(("Row", "query"), "acme", "r1"):
        inside = traces.comment()
    traces.close()

    assert outside is None
    assert inside is not None
    assert inside.startswith("traceparent='00-")
