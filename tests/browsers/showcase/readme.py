"""The three pictures of README.md: the board, one verification, and the person's page in three states."""

from base64 import b64encode

from tests.browsers.showcase import board_views
from tests.browsers.showcase.person_views import following
from tests.browsers.showcase.stage import Look, Stage

BOARD_SIZE, PHONE_SIZE = (1280, 760), (390, 760)
# The pictures of the phones are drawn smaller, side by side.
PHONE_WIDTH = 300
PHONES = """
<style>
  body { margin: 0; display: flex; gap: 28px; justify-content: center; padding: 28px; background: #e9e6df; }
  img { width: WIDTHpx; border-radius: 22px; box-shadow: 0 12px 32px -12px rgb(28 27 24 / .35), 0 0 0 1px rgb(28 27 24 / .08); }
</style>
""".replace("WIDTH", str(PHONE_WIDTH))


async def readme_pictures(stage: Stage) -> dict[str, bytes]:
    """The pictures as PNG, by the names of their files."""
    board = Look(size=BOARD_SIZE)
    pictures = {
        "board.png": await (await board_views.the_list(stage, board)).screenshot(animations="disabled"),
        "verification.png": await (await board_views.link_opened(stage, board)).screenshot(animations="disabled"),
        "person.png": await phones(stage),
    }
    await stage.tidy()
    return pictures


async def phones(stage: Stage) -> bytes:
    """A picture of three phones with the person's page: before the video, while it is checked, and in the end."""
    looks = (("link not opened", Look(size=PHONE_SIZE)), ("checking", Look("dark", PHONE_SIZE)), ("verified", Look(size=PHONE_SIZE)))
    images = [await (await following(name)(stage, look)).screenshot(animations="disabled") for name, look in looks]
    page = await stage.page(Look(size=(len(images) * (PHONE_WIDTH + 28) + 28, 200)))
    await page.set_content(PHONES + "".join(f'<img alt="" src="data:image/png;base64,{b64encode(image).decode()}">' for image in images))
    await page.wait_for_function("[...document.images].every(image => image.complete)")
    return await page.screenshot(full_page=True)
