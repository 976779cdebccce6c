"""The fixture with the path of Node, for the tests of web/."""

from pathlib import Path

import pytest

from tests.prerequisites import missing

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def node(node: str) -> str:
    """The path of Node. Without the built packages of web/, the test is skipped; in CI, it fails."""
    if not (ROOT / "web" / "react" / "dist" / "index.js").exists():
        missing("web/ is not built: run `make setup`")
    return node
