"""What a development gateway serves of its documentation: `llms.txt`, plain Markdown, and every file to which a page links."""

from pathlib import Path
from urllib.parse import urljoin

import pytest

from gateway.development.documentation import RELATIVE_LINK, ROOT, documentation_files, heading_of, routes
from tests.serving import serving


async def test_every_link_of_every_page_leads_to_a_file(database_uri: str) -> None:
    async with serving(database_uri, pages=routes()) as gateway:
        waiting, seen = ["/llms.txt"], set[str]()
        while waiting:
            path = waiting.pop()
            seen.add(path)
            response = await gateway.client.get(path, follow_redirects=True)
            assert response.status_code == 200, path
            if path.endswith((".md", ".txt")):
                waiting += {urljoin(path, link) for link in RELATIVE_LINK.findall(response.text)} - seen - set(waiting)

    assert {"/README.md", "/docs/frontends.md", "/docs/decisions/motor.md", "/web/client/README.md", "/docs/story.png"} <= seen


async def test_the_list_names_each_page_by_its_own_title(database_uri: str) -> None:
    async with serving(database_uri, pages=routes()) as gateway:
        listed = (await gateway.client.get("/llms.txt")).text

    assert listed.startswith("# Verification gateway\n\n> A company sends people ")
    pages = [str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")]
    assert [page for page in pages if f"- [{heading_of(ROOT / page)[0]}]({page})" not in listed] == []
    # `llms.txt` lists the pages that README names in the order of README.
    assert listed.index("(docs/frontends.md)") < listed.index("(docs/security.md)") < listed.index("(docs/decisions/motor.md)")


@pytest.mark.parametrize(("accept", "media_type"), [("*/*", "text/markdown"), ("text/html,*/*", "text/plain")])
async def test_browsers_show_markdown_and_other_clients_receive_its_type(database_uri: str, accept: str, media_type: str) -> None:
    async with serving(database_uri, pages=routes()) as gateway:
        response = await gateway.client.get("/docs/frontends.md", headers={"accept": accept})

    assert response.headers["content-type"] == f"{media_type}; charset=utf-8"
    assert response.text == (ROOT / "docs" / "frontends.md").read_text()


async def test_only_linked_files_are_served(database_uri: str) -> None:
    async with serving(database_uri, pages=routes()) as gateway:
        for path in ("/pyproject.toml", "/docs/../pyproject.toml", "/docs/%2e%2e/Makefile", "/docs/", "/docs/missing.md"):
            assert (await gateway.client.get(path)).status_code == 404


async def test_production_has_no_documentation(database_uri: str) -> None:
    async with serving(database_uri) as gateway:
        assert (await gateway.client.get("/llms.txt")).status_code == 404


def test_an_installation_without_documentation_has_no_routes(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()

    assert routes(tmp_path) == []
    assert documentation_files(tmp_path) == []


def test_a_link_out_of_the_project_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    project = tmp_path / "project"
    (project / "docs").mkdir(parents=True)
    (project / "README.md").write_text("# Title\n\nFirst. [Out](../secret.txt), [in](docs/page.md), [away](https://example.com/x.md).\n")
    (project / "docs" / "page.md").write_text("# Page\n\n| a |\n")

    assert documentation_files(project) == ["README.md", "docs/page.md"]
    assert heading_of(project / "README.md") == ("Title", "First. Out, in, away.")
    assert heading_of(project / "docs" / "page.md") == ("Page", "")
