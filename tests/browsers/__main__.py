"""Plays the story and saves its picture: `make story-picture`."""

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.development.mongod import EmbeddedMongo
from tests.browsers.chromium import MISSING, chromium_path, running_chromium
from tests.browsers.picture import drawn
from tests.browsers.story import a_scene, played


async def picture(chromium: str) -> bytes:
    """Play the story with an embedded MongoDB. Returns its picture as PNG."""
    with TemporaryDirectory() as folder, EmbeddedMongo(Path(folder) / "mongo") as mongo:
        async with running_chromium(chromium) as browser, a_scene(mongo.uri, Path(folder)) as scene:
            story = await played(scene, browser)
            await scene.backend.has(story.created["id"], 1, 2, 3, 4, 5)
            return await drawn(story, scene, browser)


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(asyncio.run(picture(chromium_path() or sys.exit(MISSING))))
