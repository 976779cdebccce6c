"""Runs the tests of web/react, which use React's own tools, against a real gateway: with React 19, and with React 18."""

import asyncio
import os
from asyncio.subprocess import PIPE, STDOUT

import pytest

from tests.clients.test_node import ROOT
from tests.serving import KEYS, Gateway

WEB = ROOT / "web"
SECONDS = 300


@pytest.mark.parametrize("folder", ["", "react18"], ids=["React 19", "React 18"])
async def test_the_hooks_and_the_component_work(node: str, gateway: Gateway, folder: str) -> None:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME")}
    environment = {**inherited, "GATEWAY_URL": gateway.url, "TOKEN_KEY": KEYS["token_key"], "REACT": folder}
    vitest = WEB / "node_modules" / "vitest" / "vitest.mjs"
    arguments = (vitest, "run", "--config", "react/vitest.config.ts", "--no-color")
    process = await asyncio.create_subprocess_exec(node, *arguments, cwd=WEB, env=environment, stdout=PIPE, stderr=STDOUT)
    try:
        output, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, output.decode()[-6000:]
