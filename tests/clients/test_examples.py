"""Tests that the code in docs/frontends.md and in the READMEs of web/ is that of the files in `examples/`, which other tests run."""

import re
from pathlib import Path

import pytest

from tests.clients.test_node import HERE, ROOT

EXAMPLES = HERE / "examples"
PAGES = [ROOT / "docs" / "frontends.md", *sorted((ROOT / "web").glob("*/README.md"))]
# A block of code whose first line is a comment with the name of a file: the name, and the whole content of the block.
BLOCK = re.compile(r"^```\w+\n(?P<content>(?://|#|<!--) (?P<name>[\w.-]+\.\w+)(?: -->)?\n(?:.*\n)*?)```$", re.MULTILINE)


def blocks(page: Path) -> list[tuple[str, str]]:
    """The name and the content of each block of code on a page that contains a whole file."""
    return [(found["name"], found["content"]) for found in BLOCK.finditer(page.read_text())]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_file_on_a_page_is_a_tested_file(page: Path) -> None:
    differing = [name for name, content in blocks(page) if content not in [path.read_text() for path in EXAMPLES.rglob(name)]]

    assert differing == []


def test_the_page_shows_each_example() -> None:
    shown = {block for page in PAGES for block in blocks(page)}

    assert [str(path.relative_to(EXAMPLES)) for path in sorted(EXAMPLES.rglob("*.*")) if (path.name, path.read_text()) not in shown] == []


def test_each_block_of_javascript_and_python_names_its_file() -> None:
    text = (ROOT / "docs" / "frontends.md").read_text()
    languages = re.findall(r"^```(js|jsx|vue|html|python)$", text, re.MULTILINE)

    assert len(languages) == len(blocks(ROOT / "docs" / "frontends.md"))
