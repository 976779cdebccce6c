"""The views: each state of each page of the board and of the person's page, with the function that opens it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from playwright.async_api import Page

from tests.browsers.showcase.stage import Look, Stage

Opening = Callable[[Stage, Look], Awaitable[Page]]


@dataclass(frozen=True, slots=True)
class View:
    """A page in a state. `fits`: whether the state exists in a look. `name`: the beginning of the names of the files with its pictures."""

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
