"""What the pages for the individual contain, and what their policies allow."""

import re
from html.parser import HTMLParser

import pytest

from gateway.pages.languages import LANGUAGES
from gateway.pages.page import FILES
from gateway.pages.person import ended_page, preparing_page, ready_page, ready_policy, unavailable_page
from tests.gateway.pages.browsing import Page

SHOP = "https://shop.example/welcome?order=1"
# The elements of the pages that never have an end tag in HTML.
VOID = {"meta", "link"}


def all_pages(language: str = "en") -> dict[str, str]:
    return {
        "ready": ready_page(language),
        "preparing": preparing_page(language),
        "ended": ended_page(language, SHOP),
        "unknown": ended_page(language, None),
        "unavailable": unavailable_page(language),
    }


def parsed_page(html: str) -> Page:
    page = Page()
    page.feed(html)
    return page


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_has_its_language_one_heading_and_the_heading_as_its_title(language: str) -> None:
    for html in all_pages(language).values():
        page = parsed_page(html)
        assert [root["lang"] for root in page.all("html")] == [language]
        assert len(page.all("h1")) == len(page.all("main")) == 1
        title, heading = re.search("<title>(.*)</title>", html), re.search("<h1>(.*)</h1>", html)
        assert title
        assert heading
        assert title[1] == heading[1] != ""


def test_pages_load_nothing_but_their_own_files_and_have_no_inline_styles_or_scripts() -> None:
    for html in all_pages().values():
        page = parsed_page(html)
        loaded = [each.get("href") or each.get("src") for tag in ("link", "script", "img", "iframe") for each in page.all(tag)]
        assert set(loaded) <= {"../icon.svg", "../person.css", "../person.js"}
        assert not [attributes for _, attributes in page.elements if any(name == "style" or name.startswith("on") for name in attributes)]
        assert page.all("style") == []
        assert "<script>" not in html
    for name in ("person.css", "person.js"):
        assert re.search("https?://|//[a-z]|import|url\\(", FILES.joinpath(name).read_text().replace("// ", "")) is None


class OpenElements(HTMLParser):
    """An HTML parser that checks that elements are closed in the reverse order of their beginnings. `open`: the elements that are not closed yet."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note that an element begins. The parser calls this method."""
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Ignore an element without content. The parser calls this method."""

    def handle_endtag(self, tag: str) -> None:
        """Check that the element is the one that began last. The parser calls this method."""
        assert self.open.pop() == tag


def test_pictures_are_hidden_from_screen_readers_and_elements_are_closed() -> None:
    for html in all_pages().values():
        parser = OpenElements()
        parser.feed(html)
        assert parser.open == []
        assert all(picture["aria-hidden"] == "true" for picture in parsed_page(html).all("svg"))


def test_only_the_ready_page_has_a_form_and_it_works_without_a_script() -> None:
    pages = {name: parsed_page(html) for name, html in all_pages().items()}

    assert [name for name, page in pages.items() if page.all("form")] == ["ready"]
    assert pages["ready"].all("form") == [{"method": "post"}]
    assert len(pages["ready"].all("button")) == 1
    assert pages["ready"].all("meta", **{"http-equiv": "refresh"}) == []


def test_pages_that_wait_load_themselves_again_without_a_script_too() -> None:
    for name, html in all_pages().items():
        waits = name in ("preparing", "unavailable")
        assert ('<noscript><meta http-equiv="refresh" content="4"></noscript>' in html) is waits
        assert ("data-reload" in html) is waits
        assert ("person.js" in html) is (waits or name == "ready")


@pytest.mark.parametrize(
    ("url", "href", "text"),
    [
        (SHOP, "https://shop.example", "Back to shop.example"),
        ("http://user:secret@shop.example:8080/#x", "http://shop.example:8080", "Back to shop.example:8080"),
        ("https://bücher.example/", "https://bücher.example", "Back to bücher.example"),
        ("https://{0.__class__}.example/", "https://{0.__class__}.example", "Back to {0.__class__}.example"),
        ('https://a"onclick=x.example/', 'https://a"onclick=x.example', 'Back to a"onclick=x.example'),
    ],
)
def test_an_ended_link_leads_back_to_the_origin_of_the_company_only(url: str, href: str, text: str) -> None:
    page = parsed_page(ended_page("en", url))

    assert page.all("a") == [{"class": "button", "href": href}]
    assert text in page.text


@pytest.mark.parametrize("url", [None, "", "javascript:alert(1)", "//shop.example", "ftp://shop.example"])
def test_an_ended_link_without_a_web_address_leads_nowhere(url: str | None) -> None:
    assert parsed_page(ended_page("en", url)).all("a") == []


@pytest.mark.parametrize(
    ("url", "form_action"),
    [
        ("https://provider.example/s/1?x=;y", "'self' https://provider.example https:"),
        ("http://127.0.0.1:8080/s", "'self' http://127.0.0.1:8080 http:"),
        ("HTTPS://Provider.example", "'self' HTTPS://Provider.example https:"),
        ("https://user:secret@provider.example/", "'self' https://provider.example https:"),
        ("https://[2001:db8::1]/s", "'self' https:"),
        ("https://bücher.example/s", "'self' https:"),
        ("https://provider.example;script-src/x", "'self' https:"),
        ("https://provider.example,default-src/x", "'self' https:"),
        ("https://*.example/x", "'self' https:"),
    ],
)
def test_the_form_may_lead_to_the_provider_and_no_address_adds_a_directive(url: str, form_action: str) -> None:
    assert ready_policy(url) == f"script-src 'self'; connect-src 'self'; form-action {form_action}"
