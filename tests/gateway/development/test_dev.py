"""The addresses that `gateway dev` prints, and the renewal of its tokens."""

import asyncio
from dataclasses import asdict, replace
from io import StringIO
from itertools import count
from pathlib import Path

import pytest
from rich.console import Console

from gateway.development.dev import development_pages, loopback, print_addresses, print_link, renewing
from gateway.pages.access import PageAccess
from gateway.pages.bundle import EMPTY
from simulation.credentials import Credentials, Tokens
from tests.serving import serving, settings_for_tests

CREDENTIALS = Credentials("http://x.example", "http://x.example/graphql", "ws://x.example/graphql", "demo", Tokens("a", "b", "c", "d"))


def printed(console: Console) -> str:
    """The lines that were printed, without the spaces at their ends."""
    assert isinstance(console.file, StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


@pytest.mark.parametrize(
    ("host", "only_this_machine"),
    [
        ("127.0.0.1", True),
        ("127.0.0.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.5", False),
        ("box", False),
    ],
)
def test_other_machines_reach_every_host_but_loopback(host: str, only_this_machine: bool) -> None:
    assert loopback(host) is only_this_machine


@pytest.mark.parametrize(("page_is_open", "start"), [(True, "http://x.example"), (False, "with the link below")])
def test_the_addresses_are_printed(page_is_open: bool, start: str) -> None:
    console = Console(file=StringIO(), width=200)

    print_addresses(console, CREDENTIALS, Path("credentials.json"), False, page_is_open)

    assert printed(console).splitlines()[3:9] == [
        f"  start here  {start}",
        "  console     http://x.example/console",
        "  GraphiQL    http://x.example/graphiql",
        "  GraphQL     http://x.example/graphql",
        "  WebSocket   ws://x.example/graphql",
        "  tokens      in the console, and in credentials.json",
    ]


def test_pages_that_are_not_built_are_named_and_have_no_address() -> None:
    console = Console(file=StringIO(), width=200)

    print_addresses(console, CREDENTIALS, Path("credentials.json"), False, True, ["the board", "GraphiQL"])

    text = printed(console)
    assert "/graphiql" not in text
    assert "  Not available: the board, GraphiQL. `make run` builds them if Node 20 or newer is installed with npm.\n" in text


def test_a_link_is_printed_on_a_line_of_its_own() -> None:
    console = Console(file=StringIO(), width=200)

    print_link(console, "http://[::1]:8000/#secret-_0")

    assert printed(console).splitlines()[2] == "  http://[::1]:8000/#secret-_0"


async def test_the_tokens_in_the_files_are_renewed(tmp_path: Path) -> None:
    numbers, files = count(), [tmp_path / "a.json", tmp_path / "b.json"]
    renewed_twice = asyncio.Event()

    def signed() -> Credentials:
        number = next(numbers)
        if number == 2:
            renewed_twice.set()
        return replace(CREDENTIALS, workspace=f"workspace-{number}")

    task = asyncio.create_task(renewing(signed, files, demo=False, renew_seconds=0.001))
    async with asyncio.timeout(30):
        await renewed_twice.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    found = [Credentials.read(file) for file in files]
    assert found[0] == found[1]
    assert found[0].workspace >= "workspace-1"
    assert asdict(found[0].tokens) == asdict(CREDENTIALS.tokens)


async def test_the_console_and_the_board_link_to_the_documentation(database_uri: str, tmp_path: Path) -> None:
    chosen, access = settings_for_tests(database_uri, 0), PageAccess(lambda: CREDENTIALS)
    async with serving(database_uri, pages=development_pages(chosen, access, tmp_path)) as gateway:
        console = (await gateway.client.get("/")).text
        assert (await gateway.client.get("/llms.txt")).is_success
        assert (await gateway.client.get("/docs/frontends.md")).is_success

    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(EMPTY)
    async with serving(database_uri, pages=development_pages(chosen, access, tmp_path)) as gateway:
        board = (await gateway.client.get("/")).text

    assert [link for link in ('href="docs/frontends.md"', 'href="llms.txt"') if link not in console] == []
    assert '"docs": "docs/frontends.md"' in board
