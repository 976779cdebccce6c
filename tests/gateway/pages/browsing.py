"""Parses HTML pages, so that tests can find their elements and their text."""

from html.parser import HTMLParser
from typing import Self

import httpx2


class Page(HTMLParser):
    """A parsed HTML page: its elements with their attributes, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.elements: list[tuple[str, dict[str, str]]] = []

    @classmethod
    def of(cls, response: httpx2.Response) -> Self:
        """Parse the page in a response."""
        page = cls()
        page.feed(response.text)
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Store an element of the page. The parser calls this method."""
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        """Store a piece of the page's text. The parser calls this method."""
        self.text += data

    def all(self, tag: str, **attributes: str) -> list[dict[str, str]]:
        """Find the elements with this tag and these attributes. Returns all attributes of each."""
        return [found for name, found in self.elements if name == tag and attributes.items() <= found.items()]
