"""Runs the example for React Native on Node, not on a phone. What the runtime of React Native lacks is first removed from Node."""

import shutil
from pathlib import Path

import pytest

from tests.clients.test_examples import EXAMPLES
from tests.clients.web.packages import linked
from tests.clients.web.program import program
from tests.company import LINK_OPENED, Company

# React Native has no events of a window and no `document`. Its `navigator` does not say whether there is a network. Its AbortController is a polyfill
# that ignores the option `signal` of listeners, and its `fetch` returns no streams.
RUNTIME = """
import WebSocket from "ws"
globalThis.WebSocket ??= WebSocket
delete globalThis.addEventListener
Object.defineProperty(globalThis, "navigator", { value: { product: "ReactNative" }, configurable: true })
const { addEventListener } = EventTarget.prototype
AbortSignal.prototype.addEventListener = function (type, listener) { addEventListener.call(this, type, listener, { once: true }) }
const { fetch } = globalThis
globalThis.fetch = async (...request) => {
  const response = await fetch(...request)
  return { status: response.status, headers: response.headers, ok: response.ok, text: () => response.text() }
}

const { followOnPhone } = await import("./phone.js")
const { URL: url, VERIFICATION: id, TOKEN } = process.env
const print = (line) => console.log(JSON.stringify(line))
followOnPhone({ url, id, fetchToken: async () => TOKEN, show: ({ status, phase }) => print({ status, phase }) })
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory with the example, a program that calls it, and the installed packages."""
    shutil.copy(EXAMPLES / "phone" / "phone.js", tmp_path)
    (tmp_path / "main.js").write_text(RUNTIME)
    return linked(tmp_path)


async def test_the_example_follows_to_the_end(node: str, directory: Path, company: Company) -> None:
    id = await company.created()
    async with program(node, directory / "main.js", company.gateway.url, VERIFICATION=id, TOKEN=await company.follow_token(id)) as phone:
        await phone.printed(status="PENDING", phase="AWAITING_INDIVIDUAL")
        await company.progress(id, LINK_OPENED)
        await phone.printed(status="PENDING", phase="IN_SESSION")
        await company.result(id, "VERIFIED")
        await phone.printed(status="VERIFIED", phase="DONE")
        await phone.exited()
