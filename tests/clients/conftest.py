"""The fixture with the path of Node, for the tests that run JavaScript clients."""

import os
import shutil
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def node() -> str:
    """The path of Node. Without Node or without the packages of the clients, the test is skipped; in CI, it fails."""
    path = shutil.which("node")
    if path and (HERE / "node_modules" / ".package-lock.json").exists():
        return path
    reason = "node_modules is missing in tests/clients: run `make setup`" if path else "Node is missing: install Node 20 or newer"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
