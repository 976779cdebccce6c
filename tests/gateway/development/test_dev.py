"""The addresses that `gateway dev` prints."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from gateway.development.dev import print_addresses
from simulation.credentials import Credentials, Tokens

CREDENTIALS = Credentials("http://x.example", "http://x.example/graphql", "ws://x.example/graphql", "demo", Tokens("a", "b", "c", "d"))


@pytest.mark.parametrize(
    ("host", "reachable_by_others"),
    [
        ("127.0.0.1", False),
        ("127.0.0.9", False),
        ("::1", False),
        ("localhost", False),
        ("0.0.0.0", True),
        ("::", True),
        ("192.168.1.5", True),
        ("box", True),
    ],
)
def test_a_warning_about_the_tokens_is_printed_if_others_can_reach_the_host(host: str, reachable_by_others: bool) -> None:
    console = Console(file=StringIO(), width=200)

    print_addresses(console, CREDENTIALS, Path("credentials.json"), False, host)

    assert isinstance(console.file, StringIO)
    assert (f"Anyone who can reach {host} can read the tokens on the page" in console.file.getvalue()) is reachable_by_others
