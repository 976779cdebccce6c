"""The board's list in a real browser: 10,000 rows, filters, and rows that appear, change and leave without moving what the operator reads."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from itertools import cycle, product

from playwright.async_api import Browser, expect

from domain.result import Result
from domain.status import Status
from domain.verification import Verification
from store.verifications import utc_now
from tests.browsers.board import SHOWN_MS, BoardProcess, Operator, operating
from tests.company import CAPTURE_COMPLETED, CAPTURE_STARTED, LINK_OPENED, Company
from tests.factories import a_verification

ROWS = 10_000
# The outcomes of the verifications, one after the other. None: pending.
RESULTS = (
    None,
    Result.reported(Status.VERIFIED, []),
    Result.reported(Status.FAILED, ["IDVV_2101"]),
    Result.reported(Status.INCONCLUSIVE, ["IDVV_1314"]),
    Result.reported(Status.VERIFIED, []),
)
# Scrolls to the end of the list, where the board reads further rows. Returns null until the whole list is read, then the largest numbers of rows and
# of elements that the page has had meanwhile.
TO_THE_END = """() => {
  const area = document.querySelector(".list-area");
  const [rows, elements] = window.largest ?? [0, 0];
  window.largest = [Math.max(rows, document.querySelectorAll(".rows .row").length), Math.max(elements, document.querySelectorAll("*").length)];
  area.scrollTop = area.scrollHeight;
  return document.querySelector(".end") && window.largest;
}"""


def verifications_of(company: Company, number: int, results: tuple[Result | None, ...], apart: timedelta) -> list[Verification]:
    """Verifications with these outcomes in turn, created one after the other. The last one is the newest."""
    first = utc_now() - number * apart
    made = []
    for order, result in zip(range(number), cycle(results), strict=False):
        at: datetime = first + order * apart
        created = a_verification(workspace=company.workspace, reference=f"order-{order}", at=at)
        made.append(created.concluded(result, at) if result else created)
    return made


@asynccontextmanager
async def on_the_list(browser: Browser, board: BoardProcess, company: Company, rows: int = 200, address: str = "") -> AsyncIterator[Operator]:
    """A context with an operator in front of a list of pending verifications."""
    company.keep(*verifications_of(company, rows, (None,), timedelta(seconds=1)))
    async with operating(browser, board.url, company.token(), address) as operator:
        await expect(operator.page.locator(".rows .row").first).to_be_visible()
        yield operator


async def test_ten_thousand_rows_are_scrolled_to_the_end_with_few_of_them_in_the_page(
    browser: Browser, board: BoardProcess, company: Company
) -> None:
    kept = verifications_of(company, ROWS, RESULTS, timedelta(seconds=20))
    company.keep(*kept)
    async with operating(browser, board.url, company.token()) as operator:
        page = operator.page
        await expect(page.get_by_text("10,000 match")).to_be_visible()
        rows, elements = await (await page.wait_for_function(TO_THE_END, timeout=4 * SHOWN_MS)).json_value()
        assert rows < 120
        assert elements < 3000
        await expect(operator.row(kept[0].id)).to_be_visible()

        await operator.scrolled(0)
        await expect(operator.row(kept[-1].id)).to_be_visible()
        await company.progress(kept[5000].id, LINK_OPENED)
        await operator.scrolled(36 * 4990)
        await expect(operator.row(kept[5000].id)).to_contain_text("Link opened")
        assert operator.tab.problems == []


async def test_each_filter_shows_the_verifications_that_match_and_is_part_of_the_address(
    browser: Browser, board: BoardProcess, company: Company
) -> None:
    kept = verifications_of(company, 60, RESULTS, timedelta(minutes=127))
    company.keep(*kept)
    first_day = [each for each in kept if each.created_at > utc_now() - timedelta(days=1)]
    async with operating(browser, board.url, company.token()) as operator:
        for menu, choice, matching, parameter in (
            ("Status", "Failed", 12, "status=FAILED"),
            ("Phase", "Link not opened", 12, "phase=AWAITING_INDIVIDUAL"),
            ("Reason", "Document challenge not met 1314", 12, "code=IDVV_1314"),
            ("Created", "last 24 hours", len(first_day), "created=day"),
        ):
            await operator.page.locator(".filters .chip").filter(has_text=menu).click()
            await operator.page.get_by_role("dialog").get_by_label(choice, exact=True).click()
            await operator.page.keyboard.press("Escape")
            await expect(operator.page.locator(".matching")).to_have_text(f"{matching} match")
            assert parameter in operator.page.url
            await operator.page.goto(f"{board.url}/#/")
        await operator.page.get_by_role("searchbox").fill(kept[59].reference or "")
        await operator.page.keyboard.press("Enter")
        await expect(operator.page.locator(".rows .row")).to_have_count(1)
        await expect(operator.row(kept[59].id)).to_be_visible()
        await operator.page.reload()
        await expect(operator.page.locator(".rows .row")).to_have_count(1)
        await operator.page.get_by_role("searchbox").fill(kept[0].id)
        await operator.page.keyboard.press("Enter")
        await expect(operator.detail.get_by_role("heading", level=1)).to_have_text("order-0")


async def test_new_rows_are_announced_and_move_nothing_before_and_after_they_are_shown(
    browser: Browser, board: BoardProcess, company: Company
) -> None:
    async with on_the_list(browser, board, company) as operator:
        place = await operator.scrolled(1500)
        newest = [await company.created(reference=f"new-{number}") for number in range(3)][-1]
        await expect(operator.new_rows).to_contain_text("3 new")
        await expect(operator.spoken).to_contain_text("Press N to show them.")
        assert await operator.uppermost() == place

        await operator.page.keyboard.press("n")
        await expect(operator.new_rows).to_have_count(0)
        await expect(operator.spoken).to_be_empty()
        assert await operator.uppermost() == place

        assert (await operator.scrolled(0))[0] == f"row-{newest}"
        another = await company.created()
        await expect(operator.spoken).to_contain_text("1 new verification")
        assert (await operator.uppermost())[0] == f"row-{newest}"
        await operator.new_rows.click()
        await expect(operator.row(another)).to_be_visible()
        assert await operator.focused() == "Verifications"
        assert (await operator.uppermost())[0] == f"row-{another}"


async def test_a_row_changes_in_place_and_its_change_is_announced(browser: Browser, board: BoardProcess, company: Company) -> None:
    async with on_the_list(browser, board, company) as operator:
        place = await operator.scrolled(1500)
        id = place[0].removeprefix("row-")
        before = await operator.row(id).bounding_box()
        await company.progress(id, LINK_OPENED)

        await expect(operator.row(id)).to_contain_text("Link opened")
        await expect(operator.spoken).to_contain_text("is now link opened")
        assert await operator.spoken.get_attribute("aria-live") == "polite"
        assert await operator.row(id).bounding_box() == before
        assert await operator.uppermost() == place


async def test_in_the_order_of_changes_rows_keep_their_places_until_the_reader_requests_the_new_order(
    browser: Browser, board: BoardProcess, company: Company
) -> None:
    async with on_the_list(browser, board, company, address="?order=UPDATED_NEWEST") as operator:
        place = await operator.scrolled(1500)
        id = place[0].removeprefix("row-")
        await company.progress(id, LINK_OPENED)
        await expect(operator.row(id)).to_contain_text("Link opened")
        await expect(operator.new_rows).to_contain_text("1 new")
        assert await operator.uppermost() == place
        await operator.page.keyboard.press("n")
        await expect(operator.new_rows).to_have_count(0)
        assert (await operator.scrolled(0))[0] == f"row-{id}"


async def test_a_row_that_no_longer_matches_stays_for_a_moment_and_its_removal_moves_nothing(
    browser: Browser, board: BoardProcess, company: Company
) -> None:
    async with on_the_list(browser, board, company, address="?status=PENDING") as operator:
        first = (await operator.uppermost())[0].removeprefix("row-")
        place = await operator.scrolled(1500)
        visible = place[0].removeprefix("row-")
        busy = asyncio.create_task(change_again_and_again(company))
        try:
            # Two rows will no longer match: `first`, which is above the rows in view, and `below`, which is two rows below the uppermost row in view.
            below = await operator.page.locator(f"#row-{visible}").evaluate(
                "row => [...document.querySelectorAll('.rows .row')].find(each => each.ariaRowIndex == Number(row.ariaRowIndex) + 2).id.slice(4)"
            )
            await company.result(first, "VERIFIED")
            await company.result(below, "FAILED", "IDVV_2101")
            await expect(operator.row(below)).to_contain_class("leaving")
            assert await operator.uppermost() == place
            # While the pointer is over the list, no row is removed. When the pointer has left, rows that no longer match are removed soon, even if
            # other rows change all the time.
            await operator.page.mouse.move(0, 0)
            await expect(operator.row(below)).to_have_count(0)
            assert not busy.done()
            assert await operator.uppermost() == place
            await expect(operator.page.locator(".matching")).to_have_text("198 match")
        finally:
            busy.cancel()
        await operator.scrolled(0)
        await expect(operator.row(first)).to_have_count(0)


async def change_again_and_again(company: Company) -> None:
    """Change verifications of the company until cancelled, or for some ten seconds, so that the list is drawn again all the time."""
    ids = [document["_id"] for document in company.kept()[100:155]]
    for step, id in product((LINK_OPENED, CAPTURE_STARTED, CAPTURE_COMPLETED), ids):
        await company.progress(id, step)
        await asyncio.sleep(0.05)
