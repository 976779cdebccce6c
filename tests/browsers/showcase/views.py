"""What can be seen: each page and state of the board and of the person's page, and how to get there."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from playwright.async_api import Page

from tests.browsers.showcase.stage import Look, Stage

Opening = Callable[[Stage, Look], Awaitable[Page]]


@dataclass(frozen=True, slots=True)
class View:
    """A page in a state. `fits`: whether there is such a state in this look. `name`: that of the file with its picture."""

    name: str
    open: Opening
    fits: Callable[[Look], bool]


def view(name: str, fits: Callable[[Look], bool] = lambda look: True) -> Callable[[Opening], Opening]:
    """Register a function that opens a page in a state, as a view with this name."""

    def register(opening: Opening) -> Opening:
        VIEWS.append(View(name, opening, fits))
        return opening

    return register


VIEWS: list[View] = []
