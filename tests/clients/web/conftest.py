"""The fixture with the path of Node, for the tests of web/."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def node(node: str) -> str:
    """The path of Node. Without the built packages of web/, the test is skipped; in CI, it fails."""
    if (ROOT / "web" / "react" / "dist" / "index.js").exists():
        return node
    reason = "web/ is not built: run `make setup`"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
