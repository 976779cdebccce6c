"""What a newcomer is told."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from gateway.development.dev import tell
from simulation.credentials import Credentials, Tokens

CREDENTIALS = Credentials("http://x.example", "http://x.example/graphql", "ws://x.example/graphql", "demo", Tokens("a", "b", "c", "d"))


@pytest.mark.parametrize(
    ("host", "open_to_others"),
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
def test_whoever_opens_the_page_to_others_is_warned_of_its_tokens(host: str, open_to_others: bool) -> None:
    console = Console(file=StringIO(), width=200)

    tell(console, CREDENTIALS, Path("credentials.json"), False, host)

    assert isinstance(console.file, StringIO)
    assert (f"Whoever reaches {host} can read the tokens on the page" in console.file.getvalue()) is open_to_others
