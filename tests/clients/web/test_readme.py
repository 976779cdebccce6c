"""Tests that the examples in web/client/README.md run as they are."""

import shutil
from pathlib import Path

import pytest

from tests.clients.test_examples import EXAMPLES
from tests.clients.web.packages import linked
from tests.clients.web.program import program
from tests.company import LINK_OPENED, Company

APP = """
import WebSocket from "ws"
globalThis.WebSocket ??= WebSocket
export const { URL: url, VERIFICATION: id } = process.env
export const freshToken = async () => process.env.TOKEN
const print = (line) => console.log(JSON.stringify(line))
export const show = ({ status }, events) => print({ status, versions: events.map(({ version }) => version) })
export const showConnection = (connection, transport) => print({ connection, transport })
export const showRows = (rows, count, { appeared }) => print({ rows: rows.length, count, appeared: appeared.length })
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory with the examples, the file `app.js` that the README leaves to its reader, and the installed packages."""
    shutil.copytree(EXAMPLES / "client", tmp_path, dirs_exist_ok=True)
    (tmp_path / "app.js").write_text(APP)
    return linked(tmp_path)


async def test_the_example_follows_a_verification_to_its_end(node: str, directory: Path, company: Company) -> None:
    id = await company.created()
    token = await company.follow_token(id)
    async with program(node, directory / "example.js", company.gateway.url, VERIFICATION=id, TOKEN=token) as example:
        await example.printed(status="PENDING", versions=[])
        await company.progress(id, LINK_OPENED)
        await example.printed(status="PENDING", versions=[2])
        await company.result(id, "VERIFIED")
        await example.exited()

    assert example.of("status")[-1] == {"status": "VERIFIED", "versions": [3]}
    assert example.all("connection") == ["connecting", "connected", "idle"]


async def test_the_example_of_a_list_shows_its_rows(node: str, directory: Path, company: Company) -> None:
    failed = await company.created()
    await company.result(failed, "FAILED", "IDVV_2101")
    pending = await company.created()

    async with program(node, directory / "list.js", company.gateway.url, TOKEN=company.token()) as example:
        await example.printed(rows=1, count=1, appeared=1)
        await company.result(pending, "FAILED", "IDVV_2101")
        await example.printed(rows=2, count=2, appeared=1)
