"""Traces of a real gateway, read from the SDK's exporter in memory."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from pydantic import AnyHttpUrl, SecretStr
from pymongo import MongoClient

from domain.delivery import OutgoingWebhook
from gateway.application import traces_of
from gateway.process.tracing import OpenTelemetryTraces
from gateway.provision import provider_client
from gateway.settings import BadSettings
from providers.backend import opened_backend
from providers.file import Deliveries
from tests.serving import Gateway, serving, settings_for_tests
from tests.wire import GENEROUS_SECONDS, following

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
READ = 'query Secret4711 { verification(id: "ver_1") { id } }'


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def traces(exporter: InMemorySpanExporter) -> OpenTelemetryTraces:
    return OpenTelemetryTraces("1.2.3", exporter)


@pytest.fixture
async def traced(database_uri: str, traces: OpenTelemetryTraces) -> AsyncIterator[Gateway]:
    """A gateway whose operations are traced."""
    async with serving(database_uri, traces=traces) as running:
        yield running


def spans(traces: OpenTelemetryTraces, exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    """The finished spans of the trace that the tests begin, by name."""
    traces.flush()
    return {span.name: span for span in exporter.get_finished_spans() if format(span.context.trace_id, "032x") == TRACE}


@asynccontextmanager
async def recording_server() -> AsyncIterator[tuple[str, list[dict[str, str]]]]:
    """An HTTP server that answers every request with 204. Yields its address, and the headers of the requests that it has received."""
    received: list[dict[str, str]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
        received.append({name.lower(): value for name, _, value in (line.partition(": ") for line in head)})
        await reader.read(int(received[-1].get("content-length", "0")))
        writer.write(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", received


async def test_an_operation_and_its_commands_continue_the_trace_of_the_request(
    traced: Gateway, traces: OpenTelemetryTraces, exporter: InMemorySpanExporter
) -> None:
    await traced.post(READ, traceparent=PARENT)

    found = spans(traces, exporter)
    operation, command = found["query (other)"], found["find verifications"]
    assert operation.kind is SpanKind.SERVER
    assert operation.parent
    assert format(operation.parent.span_id, "016x") == PARENT.split("-")[2]
    assert command.kind is SpanKind.CLIENT
    assert command.parent
    assert command.parent.span_id == operation.context.span_id
    assert dict(command.attributes or {}) == {"db.system.name": "mongodb", "db.operation.name": "find", "db.collection.name": "verifications"}
    assert "Secret4711" not in str([(span.name, dict(span.attributes or {})) for span in exporter.get_finished_spans()])


async def test_a_failed_operation_has_the_code_of_its_error(traced: Gateway, traces: OpenTelemetryTraces, exporter: InMemorySpanExporter) -> None:
    await traced.post("{ verifications(first: -1) { totalCount } }", traceparent=PARENT)

    operation = spans(traces, exporter)["query (other)"]
    assert operation.status.status_code is StatusCode.ERROR
    assert (operation.attributes or {})["error.type"] == "BAD_USER_INPUT"


async def test_a_subscription_has_a_span_for_its_beginning(traced: Gateway, traces: OpenTelemetryTraces, exporter: InMemorySpanExporter) -> None:
    async with following(traced, traced.token(), "subscription { verificationsUpdated { cursor } }") as updates:
        await updates.next()
    traces.flush()

    assert "subscription (other)" in {span.name for span in exporter.get_finished_spans()}


async def test_commands_carry_the_trace_as_their_comment(traced: Gateway, database_name: str, mongo: MongoClient[dict[str, Any]]) -> None:
    database = mongo[database_name]
    database.command("profile", 2)

    await traced.post(READ, traceparent=PARENT)
    database.command("profile", 0)

    commands = [entry["command"] for entry in database["system.profile"].find({"command.comment": {"$regex": TRACE}})]
    # MongoDB's profiler shows an update as `q`, without its name. This update is the barrier, which the gateway writes before it answers that a
    # verification does not exist.
    assert {next(iter(command)) for command in commands} == {"find", "q"}


async def test_requests_to_providers_and_backends_pass_the_trace_on(traces: OpenTelemetryTraces, exporter: InMemorySpanExporter) -> None:
    section_of = Deliveries.model_construct
    webhook = OutgoingWebhook("msg_1", {"type": "x"})
    async with recording_server() as (url, received), provider_client(traces.client) as client, opened_backend(traces.client) as backend:
        section = section_of(url=AnyHttpUrl(url), secret=SecretStr("whsec_" + "a" * 32))
        with traces.operation(("(other)", "mutation"), "acme", "r1"):
            await client.get(f"{url}/secret-path")
            await backend.send(section, webhook)
    traces.flush()

    finished = {span.name: span for span in exporter.get_finished_spans()}
    trace = format(finished["mutation (other)"].context.trace_id, "032x")
    sent = [headers["traceparent"] for headers in received]
    assert [parent.split("-")[1] for parent in sent] == [trace, trace]
    assert {parent.split("-")[2] for parent in sent} == {format(finished[name].context.span_id, "016x") for name in ("GET", "POST")}
    assert "secret-path" not in str([dict(span.attributes or {}) for span in finished.values()])


def test_nothing_of_opentelemetry_is_loaded_while_traces_are_off() -> None:
    program = "import sys, gateway.__main__; print([name for name in sys.modules if name.startswith('opentelemetry')])"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=GENEROUS_SECONDS)

    assert done.stdout == "[]\n"


def test_without_opentelemetry_the_setting_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "gateway.process.tracing")
    monkeypatch.setitem(sys.modules, "opentelemetry.context", None)

    with pytest.raises(BadSettings, match="GATEWAY_TRACING: needs OpenTelemetry"):
        traces_of(settings_for_tests("mongodb://unused", 0, tracing=True))


def test_traces_are_off_by_default() -> None:
    assert traces_of(settings_for_tests("mongodb://unused", 0)) is None
