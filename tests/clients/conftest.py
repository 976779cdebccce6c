"""The fixture with the path of Node, for the tests that run JavaScript clients."""

import shutil
from pathlib import Path

import pytest

from tests.prerequisites import missing

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def node() -> str:
    """The path of Node. Without Node or without the packages of the clients, the test is skipped; in CI, it fails."""
    path = shutil.which("node")
    if not path:
        missing("Node is missing: install Node 20 or newer")
    if not (HERE / "node_modules" / ".package-lock.json").exists():
        missing("node_modules is missing in tests/clients: run `make setup`")
    return path
