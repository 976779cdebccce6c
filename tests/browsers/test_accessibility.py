"""Accessibility of the board and of the person's page: axe finds no violation on any page in any state, in both themes, and no motion is left."""

import os
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from gateway.pages.board import BOARD_FILES
from gateway.pages.bundle import is_built
from gateway.pages.follow import FOLLOW_FILES
from tests.browsers.chromium import DESKTOP, PHONE
from tests.browsers.showcase.axe import AXE, violations
from tests.browsers.showcase.board_views import opened, the_list
from tests.browsers.showcase.person_views import following
from tests.browsers.showcase.stage import Look, Stage, a_stage
from tests.browsers.showcase.views import VIEWS, View

TOKENS_OF_COLOURS = Path(__file__).parent.parent.parent / "web" / "board" / "src" / "styles" / "tokens.css"
NOT_INSTALLED = "The board, the person's page or axe is missing: run `make board` (it needs npm)"
# The names of the running animations, also of those in shadow trees.
FIND_ANIMATIONS = """() => {
  const roots = [document, ...[...document.querySelectorAll("*")].flatMap(({ shadowRoot }) => shadowRoot ?? [])];
  return roots.flatMap(root => root.getAnimations()).filter(({ playState }) => playState === "running")
    .map(one => one.animationName ?? one.transitionProperty);
}"""
WIDE, NARROW = Look(size=DESKTOP), Look(size=PHONE)
# The views whose layout on a phone differs from that on a wide screen by more than the order of its parts.
ON_PHONES = {"board-list", "board-verification-failed", "board-filter-menu", "board-catalogue"}
# The views that consist of the parts of others. `make drill-web` examines them, and all views in three widths.
OF_SHARED_PARTS = {
    "board-list-scrolled",
    "board-filtered",
    "board-verification-inconclusive",
    "board-verification-link-not-opened",
    "board-verification-long-names",
    "board-catalogue-searched",
    "board-french",
    "person-recording",
    "person-over-without-advice",
}


def cases() -> list[tuple[View, Look]]:
    """Each view in the look in which it is mostly seen, and some on a phone too. Of the languages of the person's page, only English is
    examined, because the others differ only in their texts.
    """
    views = [view for view in VIEWS if view.name not in OF_SHARED_PARTS and not re.search(r"-(de|fr|es|it)$", view.name)]
    looks = {view.name: NARROW if view.name.startswith("person-") or not view.fits(WIDE) else WIDE for view in views}
    return [*((view, looks[view.name]) for view in views), *((view, NARROW) for view in views if view.name in ON_PHONES)]


@pytest.fixture(scope="module")
async def stage(browser: Browser, mongo_uri: str) -> AsyncIterator[Stage]:
    """The gateways with the data of the showcase. Without the pages or without axe, the test is skipped; in CI, it fails."""
    if not (is_built(BOARD_FILES) and is_built(FOLLOW_FILES) and AXE.exists()):
        if os.environ.get("CI") == "true":
            pytest.fail(NOT_INSTALLED)
        pytest.skip(NOT_INSTALLED)
    async with a_stage(browser, mongo_uri) as running:
        yield running


@pytest.fixture(autouse=True)
async def tidied(stage: Stage) -> AsyncIterator[None]:
    """Closes the pages that the test has opened."""
    yield
    await stage.tidy()


@pytest.mark.parametrize(("view", "look"), [pytest.param(*case, id=f"{case[0].name} {case[1].size[0]}") for case in cases()])
async def test_axe_finds_no_violation_and_nothing_moves(stage: Stage, view: View, look: Look) -> None:
    page = await view.open(stage, look)

    assert await violations(page) == []
    assert await page.evaluate(FIND_ANIMATIONS) == []


async def test_without_the_preference_for_reduced_motion_the_ring_turns(stage: Stage) -> None:
    page = await following("checking")(stage, replace(NARROW, calm=False))

    assert "turn" in await page.evaluate(FIND_ANIMATIONS)


async def test_axe_finds_a_planted_violation(stage: Stage) -> None:
    page = await the_list(stage, WIDE)
    await page.evaluate("document.querySelector('.brand').innerHTML = '<img src=\"data:,\">'")
    await page.evaluate("document.querySelector('.workspace').style.color = 'light-dark(#000, #444)'")

    found = [each.split()[:2] for each in await violations(page)]
    assert found == [["light", "image-alt"], ["light", "link-name"], ["dark", "color-contrast"]]


async def test_on_a_phone_the_filters_leave_with_the_list_and_return_when_the_reader_scrolls_back(stage: Stage) -> None:
    page = await the_list(stage, NARROW)
    filters = page.locator(".strip .filters")

    await scroll_to(page, 900)
    await expect(filters).not_to_be_in_viewport()
    await expect(page.locator(".strip .figures")).not_to_be_in_viewport()
    await scroll_to(page, 700)
    await expect(filters).to_be_in_viewport(ratio=1)
    await expect(page.locator(".strip .figures")).not_to_be_in_viewport()


async def scroll_to(page: Page, top: int) -> None:
    """Scroll the list of the board until `top` pixels of it are above the window."""
    await page.locator(".list-area").evaluate("(area, top) => area.scrollTo(0, top)", top)


async def test_with_forced_colours_the_focus_and_the_selected_row_are_visible(stage: Stage) -> None:
    page = await the_list(stage, replace(WIDE, forced_colors="active"))
    await page.locator(".grid").focus()

    selected = await styles(page, ".row.selected", "outlineStyle", "outlineWidth")
    assert selected == {"outlineStyle": "solid", "outlineWidth": "2px"}
    await page.keyboard.press("Tab")
    focused = await styles(page, ":focus", "outlineStyle", "outlineWidth")
    assert focused == {"outlineStyle": "solid", "outlineWidth": "2px"}
    assert (await styles(page, ".bar nav [aria-current]", "borderBottomStyle"))["borderBottomStyle"] == "solid"


async def test_with_forced_colours_the_marks_of_the_statuses_keep_their_colours(stage: Stage) -> None:
    page = await opened(stage, replace(WIDE, forced_colors="active"), "three attempts")
    colours = await page.evaluate("[...document.querySelectorAll('.legend .status svg')].map(svg => getComputedStyle(svg).color)")
    bars = await page.evaluate("[...document.querySelectorAll('.attempts .status svg')].map(svg => getComputedStyle(svg).color)")

    assert len(set(colours)) == len(colours)
    assert len(set(bars)) == 3


async def styles(page: Page, selector: str, *names: str) -> dict[str, str]:
    """The computed values of these CSS properties of the first element that the selector matches."""
    expression = "([selector, names]) => { const style = getComputedStyle(document.querySelector(selector)); return names.map(name => style[name]) }"
    return dict(zip(names, await page.evaluate(expression, [selector, names]), strict=True))


def colours() -> dict[str, tuple[str, str]]:
    """The colours in tokens.css, by the name of the CSS variable: that of the light theme and that of the dark theme, as six hexadecimal digits."""
    pairs = re.findall(r"--([\w-]+): light-dark\(#(\w+), #(\w+)\);", TOKENS_OF_COLOURS.read_text())
    return {name: (six(light), six(dark)) for name, light, dark in pairs}


def six(digits: str) -> str:
    """A colour with six digits, also if it was written with three."""
    return digits if len(digits) == 6 else "".join(digit * 2 for digit in digits)


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, from 1 to 21. Source: WCAG 2.2, "contrast ratio"."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """The relative luminance of a colour. Source: WCAG 2.2, "relative luminance"."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


SURFACES = ("page", "surface", "floating", "recessed", "hover", "selected")
STATUS_NAMES = ("pending", "inconclusive", "verified", "failed")
# The contrast that each pair of colours needs (WCAG): 4.5 for words, 3 for symbols and for the borders of fields.
NEEDED: dict[tuple[str, str], float] = {
    **dict.fromkeys(product(("ink", "ink-soft", "ink-faint", *(f"{name}-text" for name in STATUS_NAMES)), SURFACES), 4.5),
    **dict.fromkeys(product((*(f"{name}-mark" for name in STATUS_NAMES), "focus", "outline"), SURFACES[:4]), 3.0),
    **{(text, f"{name}-tint"): 4.5 for name in STATUS_NAMES for text in ("ink", "ink-soft", f"{name}-text")},
    **{(f"{name}-mark", f"{name}-tint"): 3.0 for name in STATUS_NAMES},
    ("on-ink", "ink"): 4.5,
}


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
async def test_the_colours_have_enough_contrast(theme: int) -> None:
    found: dict[str, Any] = colours()
    measured = {pair: contrast(found[pair[0]][theme], found[pair[1]][theme]) for pair in NEEDED}

    assert {pair: ratio for pair, ratio in measured.items() if ratio < NEEDED[pair]} == {}
