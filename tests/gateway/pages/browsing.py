"""Reads HTML pages in tests."""

from html.parser import HTMLParser
from typing import Self

import httpx2


class Page(HTMLParser):
    """The elements and the text of an HTML page."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.elements: list[tuple[str, dict[str, str]]] = []

    @classmethod
    def of(cls, response: httpx2.Response) -> Self:
        """The page in a response."""
        page = cls()
        page.feed(response.text)
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Store an element."""
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        """Store text."""
        self.text += data

    def all(self, tag: str, **attributes: str) -> list[dict[str, str]]:
        """The attributes of each element with this tag and these attributes."""
        return [found for name, found in self.elements if name == tag and attributes.items() <= found.items()]
