"""The three pictures of README.md: the board, one verification, and the person's page in three states."""

from base64 import b64encode

from tests.browsers.showcase import board_views
from tests.browsers.showcase.person_views import following
from tests.browsers.showcase.stage import Look, Stage
from tests.browsers.showcase.views import Opening

BOARD_SIZE, VERIFICATION_SIZE, PHONE_SIZE = (1280, 800), (1280, 640), (390, 760)
# The pixels of a picture for each CSS pixel: two, so that the pictures are sharp on screens of high density.
SCALE = 2
# The pictures of the phones are drawn smaller, side by side.
PHONE_WIDTH = 300
PHONES = """<!doctype html>
<style>
  body { margin: 0; display: flex; gap: 28px; align-items: flex-start; justify-content: center; padding: 28px; background: #e9e6df; }
  img { width: WIDTHpx; border-radius: 22px; box-shadow: 0 12px 32px -12px rgb(28 27 24 / .35), 0 0 0 1px rgb(28 27 24 / .08); }
</style>
""".replace("WIDTH", str(PHONE_WIDTH))


async def readme_pictures(stage: Stage) -> dict[str, bytes]:
    """The pictures as PNG, by the names of their files."""
    board = await picture(stage, board_views.the_list, Look(size=BOARD_SIZE, scale=SCALE))
    verification = await picture(stage, board_views.link_opened, Look(size=VERIFICATION_SIZE, scale=SCALE))
    return {"board.png": board, "verification.png": verification, "person.png": await phones(stage)}


async def picture(stage: Stage, opening: Opening, look: Look) -> bytes:
    """The picture of a view."""
    page = await opening(stage, look)
    await stage.freeze(page)
    image = await page.screenshot(animations="disabled", caret="hide")
    await stage.tidy()
    return image


async def phones(stage: Stage) -> bytes:
    """A picture of three phones with the person's page: before the video, while it is checked, and in the end."""
    look = Look(size=PHONE_SIZE, scale=SCALE)
    images = [await picture(stage, following(name), look) for name in ("link not opened", "checking", "verified")]
    page = await stage.page(Look(size=(len(images) * (PHONE_WIDTH + 28) + 28, 200), scale=SCALE))
    await page.set_content(PHONES + "".join(f'<img alt="" src="data:image/png;base64,{b64encode(image).decode()}">' for image in images))
    await page.wait_for_function("[...document.images].every(image => image.complete)")
    return await page.screenshot(full_page=True)
