"""Traces with OpenTelemetry. Only imported if GATEWAY_TRACING is on, so that nothing of OpenTelemetry is loaded otherwise.

The standard variables `OTEL_…` choose, among others, which spans are sent (OTEL_TRACES_SAMPLER) and to which address (OTEL_EXPORTER_OTLP_ENDPOINT).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
from opentelemetry.context import attach
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagators.textmap import Setter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import Scope

from gateway.process.traces import MarkFailed
from store.driver import DriverListener
from store.monitoring.command_spans import CommandSpans

SERVICE = "verification-gateway"
CLOSE_MILLISECONDS = 2000
# The headers of a trace. Source: W3C Trace Context.
TRACE_HEADERS = (b"traceparent", b"tracestate")
PROPAGATOR = TraceContextTextMapPropagator()


class OpenTelemetryTraces:
    """Makes the spans of this process. `exporter`: where they are sent; None: to the address that the environment names, by OTLP over HTTP.

    A span contains no personal data: no texts of operations, no variables, and no conditions of queries.
    """

    def __init__(self, version: str, exporter: SpanExporter | None = None) -> None:
        resource = Resource.create({"service.name": SERVICE, "service.version": version}).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter()))
        self._tracer: Tracer = self._provider.get_tracer(SERVICE, version)
        self._listener = CommandSpans(self._begin_command, end_command)

    def accept(self, scope: Scope) -> None:
        """Continue the trace that a request names. The context of the trace is never detached, because it ends with the task of the request."""
        carrier = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in TRACE_HEADERS}
        if carrier:
            attach(PROPAGATOR.extract(carrier))

    @contextmanager
    def operation(self, label: tuple[str, str], workspace: str, request_id: str) -> Iterator[MarkFailed]:
        """A context in which an operation has a span. `with` returns a function that marks the span as failed, with the code of an error."""
        name, type = label
        attributes = {
            "graphql.operation.name": name,
            "graphql.operation.type": type,
            "gateway.workspace": workspace,
            "gateway.request_id": request_id,
        }
        with self._tracer.start_as_current_span(f"{type} {name}", kind=SpanKind.SERVER, attributes=attributes, record_exception=False) as span:

            def failed(code: str) -> None:
                span.set_attribute("error.type", code)
                span.set_status(StatusCode.ERROR)

            yield failed

    def comment(self) -> str | None:
        """The current span, in the form of the header `traceparent`; None outside of a trace."""
        carrier: dict[str, str] = {}
        PROPAGATOR.inject(carrier)
        return f"traceparent='{carrier['traceparent']}'" if carrier else None

    @property
    def listener(self) -> DriverListener:
        """The listener that makes a span for each command of MongoDB that belongs to a trace."""
        return self._listener

    def client(self, **options: Any) -> httpx2.AsyncClient:
        """An HTTP client that makes a span for each request."""
        return TracedClient(self._tracer, **options)

    def flush(self) -> None:
        """Send the spans that were not sent yet, for at most CLOSE_MILLISECONDS."""
        self._provider.force_flush(CLOSE_MILLISECONDS)

    def close(self) -> None:
        """Send the remaining spans, and end the thread that sends them."""
        self.flush()
        self._provider.shutdown()

    def _begin_command(self, name: str, collection: str) -> Span | None:
        if not get_current_span().get_span_context().is_valid:
            return None  # A command of a background task belongs to no trace. A trace for each of them would hide the others.
        attributes = {"db.system.name": "mongodb", "db.operation.name": name, **({"db.collection.name": collection} if collection else {})}
        return self._tracer.start_span(f"{name} {collection}".strip(), kind=SpanKind.CLIENT, attributes=attributes)


def end_command(span: Span | None, code: str | None) -> None:
    """End the span of a command. `code`: None if it succeeded."""
    if span is None:
        return
    if code is not None:
        span.set_attribute("db.response.status_code", code)
        span.set_status(StatusCode.ERROR)
    span.end()


class TracedClient(httpx2.AsyncClient):
    """An HTTP client that makes a span for each request, and passes the trace on in its headers.

    A span names the server and not the path, which can contain ids and tokens.
    """

    def __init__(self, tracer: Tracer, **options: Any) -> None:
        super().__init__(**options)
        self._tracer = tracer

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Send a request within a span."""
        attributes = {"http.request.method": request.method, "server.address": request.url.host}
        with self._tracer.start_as_current_span(request.method, kind=SpanKind.CLIENT, attributes=attributes, record_exception=False) as span:
            PROPAGATOR.inject(request.headers, setter=HEADERS)
            response = await super().send(request, **options)
            span.set_attribute("http.response.status_code", response.status_code)
            return response


class HeaderSetter(Setter[httpx2.Headers]):
    """Sets the headers of a request through which OpenTelemetry's propagator passes a trace on."""

    def set(self, carrier: httpx2.Headers, key: str, value: str) -> None:
        """Set one header."""
        carrier[key] = value


HEADERS = HeaderSetter()
