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
    finally:
        await stage.tidy()


async def take_all(chromium: str, folder: Path, only: str, readme: bool) -> int:
    """Save all pictures in the folder, or those of README.md. Returns how many could not be taken."""
    failures = 0
    with TemporaryDirectory() as data, EmbeddedMongo(Path(data) / "mongo") as mongo:
        async with running_chromium(chromium) as browser, a_stage(browser, mongo.uri) as stage:
            if readme:
                for name, picture in (await readme_pictures(stage)).items():
                    (folder / name).write_bytes(picture)
                return 0
            for view, name, look in pictures(only):
                file = folder / f"{name}.png"
                try:
                    await take(stage, view, look, file)
                except Exception as error:
                    failures += 1
                    print(f"{file.name}: {str(error).splitlines()[0]}", file=sys.stderr)
    return failures


def main() -> None:
    """Read the arguments and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("build/screenshots"))
    parser.add_argument("--only", default="", help="take only the pictures whose names match this pattern")
    parser.add_argument("--readme", action="store_true", help="take only the pictures of README.md")
    arguments = parser.parse_args()
    if not is_built(BOARD_FILES) or not is_built(FOLLOW_FILES):
        sys.exit(NOT_BUILT)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    sys.exit(min(1, asyncio.run(take_all(chromium_path() or sys.exit(MISSING), arguments.folder, arguments.only, arguments.readme))))


if __name__ == "__main__":
    main()
