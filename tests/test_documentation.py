"""Tests that the documentation names only files and settings that exist, in lines that are short enough to read."""

import re
from pathlib import Path

import pytest

from gateway.settings import secret_settings, variable

ROOT = Path(__file__).parent.parent
MAX_CHARACTERS = 120
PAGES = sorted(
    path for pattern in ("*.md", "docs/**/*.md", "bench/README.md", "compiler/README.md", "tests/*/README.md") for path in ROOT.glob(pattern)
)
# Names in the pages that need not exist: files that commands make, and a placeholder for a file of the reader.
EXCEPTIONS = {".env", ".gateway/credentials.json", "quick.json", "FILE.graphql", "app.js", "app.py"}

CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
# The beginning of a code block that contains a whole file. Its first line names the file.
CONTENT_OF = re.compile(r"^```\w+\n(?://|#) (\S+\.\w+)$", re.MULTILINE)
# The form of a file's name. Patterns with `*`, URL paths (which begin with a slash) and expressions don't have this form.
NAME = re.compile(r"[\w.][\w./-]*")
SUFFIXES = {".py", ".pyi", ".js", ".lua", ".java", ".md", ".json", ".txt", ".svg", ".html", ".css", ".toml", ".lock", ".graphql", ".csv"}


def lines(page: Path) -> list[str]:
    """The lines of a page, without its code blocks."""
    kept, fenced = [], False
    for line in page.read_text().splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        kept.append("" if fenced or line.startswith("    ") else line)
    return kept


def files(page: Path) -> set[str]:
    """The files and folders that a page links to, or names in code, except those whose content is on the page."""
    text = "\n".join(lines(page))
    links = {link for link in LINK.findall(text) if "://" not in link}
    words = {word for code in CODE.findall(text) for word in re.split(r"[\s=:,'\"]+", code)}
    names = {word for word in words if NAME.fullmatch(word) and (Path(word).suffix in SUFFIXES or folder(word))}
    return (links | names) - EXCEPTIONS - set(CONTENT_OF.findall(page.read_text()))


def folder(name: str) -> bool:
    """Whether a name is a path that begins with a folder of the project."""
    return "/" in name and (ROOT / name.partition("/")[0]).is_dir()


def exists(page: Path, name: str, all_names: set[str]) -> bool:
    """Whether the file that a page names exists. Paths begin at the page, the project, `gateway/` or `tests/`; a bare name may be in any folder."""
    return name in all_names or any((start / name).exists() for start in (page.parent, ROOT, ROOT / "gateway", ROOT / "tests"))


@pytest.fixture(scope="module")
def all_names() -> set[str]:
    """The names of all files of the project."""
    folders = [path for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")]
    return {path.name for path in ROOT.iterdir()} | {path.name for each in folders for path in each.rglob("*") if "node_modules" not in path.parts}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_names_exists(page: Path, all_names: set[str]) -> None:
    assert [name for name in sorted(files(page)) if not exists(page, name, all_names)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_line_of_a_page_is_too_long(page: Path) -> None:
    assert [line for line in lines(page) if len(line) > MAX_CHARACTERS and not line.lstrip().startswith("|")] == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=lambda page: str(page.relative_to(ROOT)))
def test_every_setting_that_a_page_names_exists(page: Path) -> None:
    # GATEWAY_TEST_MONGO_URI is not in .env.example, because it is a setting of the tests and not of the gateway: see tests/conftest.py.
    settings = {"GATEWAY_TEST_MONGO_URI", *(variable(f"{name}_file") for name in secret_settings())} | set(
        re.findall(r"^#?(GATEWAY_\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    )

    assert {code for code in CODE.findall(page.read_text()) if re.fullmatch(r"GATEWAY_\w+", code)} - settings == set()


def test_the_tests_of_internals_are_those_that_the_page_on_libraries_lists() -> None:
    listed = re.findall(r"`(test_\w+)`", (ROOT / "docs" / "libraries.md").read_text())
    tests = [name for path in (ROOT / "tests" / "internals").glob("test_*.py") for name in re.findall(r"def (test_\w+)", path.read_text())]

    assert sorted(listed) == sorted(tests)
