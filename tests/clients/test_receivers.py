"""Tests the receivers in docs/webhooks.md: each accepts the gateway's webhooks once, and refuses those with a wrong signature."""

import asyncio
import json
import os
import re
import sys
from asyncio.subprocess import PIPE, Process
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
from pydantic import AnyHttpUrl, SecretStr

from domain.delivery import outgoing_webhook
from providers.backend import opened_backend, signed_headers
from providers.file import Deliveries
from tests.clients.test_node import HERE
from tests.factories import VERIFIED_RESULT, a_verification
from tests.processes.service import free_port

WEBHOOKS_PAGE = (HERE.parents[1] / "docs" / "webhooks.md").read_text()
# The code blocks of the page, by the name of the file. Only blocks whose first line names a file are found.
RECEIVERS = {found[1]: found[0] for found in re.finditer(r"(?<=^```js\n)// (\S+\.js)\n(?:.*\n)*?(?=```$)", WEBHOOKS_PAGE, re.MULTILINE)}
RECEIVERS |= {found[1]: found[0] for found in re.finditer(r"(?<=^```python\n)# (\S+\.py)\n(?:.*\n)*?(?=```$)", WEBHOOKS_PAGE, re.MULTILINE)}
HOOK_SECRET = f"whsec_{b64encode(bytes(range(24))).decode()}"
START_SECONDS = 60


@asynccontextmanager
async def running_receiver(program: str, name: str, directory: Path) -> AsyncIterator[tuple[str, Process]]:
    """A context in which a receiver of the page runs. Yields its URL and its process. The process is killed at the end."""
    (directory / name).write_text(RECEIVERS[name])
    (directory / "package.json").write_text('{"type": "module"}')
    port = free_port()
    environment = {**os.environ, "PORT": str(port), "HOOK_SECRET": HOOK_SECRET}
    process = await asyncio.create_subprocess_exec(program, name, cwd=directory, env=environment, stdout=PIPE)
    try:
        async with asyncio.timeout(START_SECONDS):
            while not await listening(port):
                assert process.returncode is None
                await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{port}/hooks", process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def listening(port: int) -> bool:
    """Whether a server listens on this port."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def printed(process: Process) -> Any:
    """The next event that the receiver prints."""
    assert process.stdout
    async with asyncio.timeout(START_SECONDS):
        return json.loads(await process.stdout.readline())


def test_the_page_has_a_receiver_in_python_and_in_node() -> None:
    assert sorted(RECEIVERS) == ["receiver.js", "receiver.py"]


@pytest.mark.parametrize("name", sorted(RECEIVERS))
async def test_a_receiver_accepts_each_webhook_once_and_refuses_forged_ones(name: str, node: str, tmp_path: Path) -> None:
    verification = a_verification().concluded(VERIFIED_RESULT, datetime.now(UTC))
    first, second = (outgoing_webhook(verification, event) for event in verification.events)
    async with (
        running_receiver(sys.executable if name.endswith(".py") else node, name, tmp_path) as (url, process),
        opened_backend() as backend,
        httpx2.AsyncClient(trust_env=False) as client,
    ):
        section = Deliveries(url=AnyHttpUrl(url), secret=SecretStr(HOOK_SECRET))
        another = Deliveries(url=AnyHttpUrl(url), secret=SecretStr(f"whsec_{b64encode(bytes(24)).decode()}"))

        assert (await backend.send(another, first)).status == 401
        assert (await backend.send(section, first)).status == 204
        assert (await backend.send(section, first)).status == 204
        content = orjson.dumps(second.body)
        headers = signed_headers(HOOK_SECRET, second.id, content, datetime.now(UTC))
        old = signed_headers(HOOK_SECRET, second.id, content, datetime.now(UTC) - timedelta(minutes=6))
        assert (await client.post(url, content=content[:-1] + b" }", headers=headers)).status_code == 401
        assert (await client.post(url, content=content, headers=old)).status_code == 401
        assert (await client.post(url, content=content, headers={**headers, "webhook-signature": "v1,"})).status_code == 401
        assert (await client.post(url, content=content, headers=headers)).status_code == 204

        assert [await printed(process) for _ in range(2)] == [first.body, second.body]
