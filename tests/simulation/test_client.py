"""Tests the simulation's GraphQL client with a server that sends prepared responses."""

import asyncio
import json
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from simulation.client import Client
from simulation.errors import Refused, TokenRefused, UnexpectedResponse, Unreachable

OK = (200, {"data": {"me": {"subject": "tester"}}})


def an_error(code: str) -> tuple[int, dict[str, Any]]:
    return 200, {"errors": [{"message": "it failed", "extensions": {"code": code}}]}


def a_refusal(code: str) -> tuple[int, dict[str, Any]]:
    return 200, {"data": {"retryVerification": {"__typename": "Refusal", "code": code, "message": "it is refused"}}}


@asynccontextmanager
async def responding(*responses: tuple[int, object]) -> AsyncIterator[tuple[Client, list[str]]]:
    """A server that sends these responses in order, and then the last one for every further request.

    Yields: a client of this server, and the list of faults to which the client adds each transient fault.
    """
    left: Sequence[tuple[int, object]] = responses

    async def respond(reader: StreamReader, writer: StreamWriter) -> None:
        nonlocal left
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
        await reader.readexactly(length)
        (status, content), left = left[0], left[1:] or left
        body = json.dumps(content).encode()
        writer.write(b"HTTP/1.1 %d Status\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b" % (status, len(body), body))
        await writer.drain()
        writer.close()

    faults: list[str] = []
    server = await asyncio.start_server(respond, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/graphql"
    async with server, Client(url, patience_seconds=0.5, on_fault=faults.append) as client:
        yield client, faults


async def test_the_value_of_the_only_field_is_returned() -> None:
    async with responding(OK) as (client, faults):
        assert await client.execute("integrator", "token", "{ me { subject } }", {}) == {"subject": "tester"}

    assert faults == []


@pytest.mark.parametrize(
    ("response", "fault"),
    [
        ((503, {}), "HTTP 503"),
        ((429, {}), "HTTP 429"),
        (an_error("UNAVAILABLE"), "UNAVAILABLE: it failed"),
        (a_refusal("CONFLICT"), "CONFLICT: it is refused"),
    ],
)
async def test_a_transient_fault_is_reported_and_retried(response: tuple[int, object], fault: str) -> None:
    async with responding(response, OK) as (client, faults):
        assert await client.execute("integrator", "token", "{ me { subject } }", {}) == {"subject": "tester"}

    assert faults == [fault]


async def test_transient_faults_that_last_too_long_raise_unreachable() -> None:
    async with responding((503, {})) as (client, faults):
        with pytest.raises(Unreachable, match="HTTP 503"):
            await client.execute("integrator", "token", "{ me { subject } }", {})

    assert len(faults) > 1


@pytest.mark.parametrize(
    ("response", "error"),
    [
        pytest.param((401, {}), TokenRefused, id="unauthorized"),
        pytest.param(an_error("FORBIDDEN"), TokenRefused, id="a missing scope"),
        pytest.param(a_refusal("NOT_RETRYABLE"), Refused, id="a refusal"),
        pytest.param(an_error("GRAPHQL_VALIDATION_FAILED"), UnexpectedResponse, id="an invalid operation"),
        pytest.param((200, {}), UnexpectedResponse, id="neither data nor errors"),
        pytest.param((404, "not found"), UnexpectedResponse, id="another server"),
    ],
)
async def test_any_other_fault_is_raised_without_a_retry(response: tuple[int, object], error: type[Exception]) -> None:
    async with responding(response) as (client, faults):
        with pytest.raises(error):
            await client.execute("integrator", "token", "{ me { subject } }", {})

    assert faults == []
