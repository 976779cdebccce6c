"""Tests under which names httpx2 writes to the log. See `docs/libraries.md`."""

import logging

import httpx2
import pytest


async def test_httpx2_logs_under_its_own_names_and_those_of_httpcore2(caplog: pytest.LogCaptureFixture) -> None:
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(lambda request: httpx2.Response(200)), trust_env=False) as mocked:
        with caplog.at_level(logging.DEBUG):
            await mocked.get("http://127.0.0.1/secret")
    async with httpx2.AsyncClient(trust_env=False) as client:
        with caplog.at_level(logging.DEBUG), pytest.raises(httpx2.ConnectError):
            await client.get("http://127.0.0.1:1/")

    assert {record.name.partition(".")[0] for record in caplog.records} - {"asyncio"} == {"httpx2", "httpcore2"}
