"""Writes a picture of each view in both themes and three widths: `make screenshots`. A selection: `make screenshots ARGS='--only person.*phone'`."""

import argparse
import asyncio
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.development.mongod import EmbeddedMongo
from gateway.pages.board import BOARD_FILES
from gateway.pages.bundle import is_built
from gateway.pages.follow import FOLLOW_FILES
from tests.browsers.chromium import MISSING, Scheme, chromium_path, running_chromium
from tests.browsers.showcase import board_views, person_views
from tests.browsers.showcase.axe import violations
from tests.browsers.showcase.readme import readme_pictures
from tests.browsers.showcase.stage import Look, Stage, a_stage
from tests.browsers.showcase.views import VIEWS, View

SIZES = {"phone": (390, 844), "tablet": (820, 1100), "desktop": (1280, 800)}
WALL, NARROW = (1920, 1080), (360, 640)
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
NOT_BUILT = "The pages are not built: run `make board` (it needs npm)"
# The modules that register views.
SOURCES = (board_views, person_views)


def pictures(only: str) -> Iterator[tuple[View, str, Look]]:
    """Each view with the name and the look of each of its pictures, if the name matches the pattern `only`."""
    for each in VIEWS:
        looks = {f"{size}-{scheme}": Look(scheme, SIZES[size]) for size in SIZES for scheme in SCHEMES}
        if each.name in ("board-list", "board-verification-failed"):
            looks |= {"wall-light": Look(size=WALL), "wall-dark": Look("dark", WALL), "narrow-light": Look(size=NARROW)}
            looks |= {"desktop-forced": Look("dark", forced_colors="active"), "phone-forced": Look(size=SIZES["phone"], forced_colors="active")}
        if each.name in ("person-ready", "person-checking"):
            looks |= {"narrow-light": Look(size=NARROW), "phone-forced": Look("dark", SIZES["phone"], forced_colors="active")}
        named = {f"{each.name}-{name}": look for name, look in looks.items() if each.fits(look)}
        yield from ((each, name, look) for name, look in named.items() if re.search(only, name))


async def take(stage: Stage, view: View, look: Look, file: Path) -> None:
    """Open a view and save its picture. If that fails, save a picture of what the page shows at the failure, and raise the error."""
    try:
        page = await view.open(stage, look)
        await stage.freeze(page)
        await page.screenshot(path=file, animations="disabled", caret="hide")
    except Exception:
        for page in (page for context in stage.opened for page in context.pages):
            await page.screenshot(path=file.with_suffix(".failed.png"))
        raise


async def examine(stage: Stage, view: View, look: Look) -> None:
    """Open a view and examine it with axe, in both themes. Raises: AssertionError with all violations, each on a line of its own."""
    found = await violations(await view.open(stage, look), all_rules_twice=True)
    assert not found, "\n".join(found)


async def visit(stage: Stage, only: str, folder: Path, *, with_axe: bool) -> int:
    """Save the picture of each view in the folder, or examine each view with axe. Returns how many of them failed."""
    failures = 0
    for view, name, look in pictures(only):
        if with_axe and look.scheme == "dark":
            continue
        try:
            await (examine(stage, view, look) if with_axe else take(stage, view, look, folder / f"{name}.png"))
        except Exception as error:
            failures += 1
            print(f"{name}: {error}", file=sys.stderr)
        finally:
            await stage.tidy()
    return failures


async def run(chromium: str, arguments: argparse.Namespace) -> int:
    """Do what the arguments say. Returns the exit code."""
    with TemporaryDirectory() as data, EmbeddedMongo(Path(data) / "mongo") as mongo:
        async with running_chromium(chromium) as browser, a_stage(browser, mongo.uri) as stage:
            if not arguments.readme:
                return min(1, await visit(stage, arguments.only, arguments.folder, with_axe=arguments.axe))
            for name, picture in (await readme_pictures(stage)).items():
                (arguments.folder / name).write_bytes(picture)
            return 0


def main() -> None:
    """Read the arguments and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("build/screenshots"))
    parser.add_argument("--only", default="", help="take only the pictures whose names match this pattern")
    parser.add_argument("--readme", action="store_true", help="take only the pictures of README.md")
    parser.add_argument("--axe", action="store_true", help="take no pictures, but examine the views with axe")
    arguments = parser.parse_args()
    if not is_built(BOARD_FILES) or not is_built(FOLLOW_FILES):
        sys.exit(NOT_BUILT)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    sys.exit(asyncio.run(run(chromium_path() or sys.exit(MISSING), arguments)))


if __name__ == "__main__":
    main()
