"""What all HTML pages share: templates, headers and files."""

import pytest
from jinja2 import UndefinedError
from starlette.applications import Starlette
from starlette.testclient import TestClient

from gateway.pages.page import assets, page_response, rendered


def test_values_are_escaped_in_a_template() -> None:
    page = rendered("notice.html", title="<script>", text="a & b")

    assert "<h1>&lt;script&gt;</h1>" in page
    assert "a &amp; b" in page


def test_a_template_without_one_of_its_values_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        rendered("notice.html", title="only a title")


def policy(header: str) -> dict[str, str]:
    return dict(directive.split(" ", 1) for directive in header.split("; "))


def test_a_page_may_load_only_its_own_styles_and_images() -> None:
    response = page_response("<p>page</p>")

    assert policy(response.headers["content-security-policy"]) == {
        "default-src": "'none'",
        "style-src": "'self'",
        "img-src": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
        "form-action": "'none'",
    }
    assert response.headers["referrer-policy"] == "same-origin"


def test_the_directives_of_a_page_extend_and_replace_those_of_all_pages() -> None:
    directives = policy(page_response("<p>page</p>", allowing="script-src 'self'; style-src 'unsafe-inline'").headers["content-security-policy"])

    assert directives["script-src"] == "'self'"
    assert directives["style-src"] == "'unsafe-inline'"
    assert directives["default-src"] == "'none'"


def test_a_file_is_served_with_its_media_type_and_the_policy_of_pages() -> None:
    client = TestClient(Starlette(routes=assets("style.css", "icon.svg")))

    style, icon = client.get("/style.css"), client.get("/icon.svg")

    assert style.headers["content-type"].startswith("text/css")
    assert icon.headers["content-type"].startswith("image/svg+xml")
    assert "default-src 'none'" in style.headers["content-security-policy"]
    assert client.get("/page.py").status_code == 404
