"""The board by keyboard alone: every action can be reached, the focus is visible and returns, and no part of the page traps the focus."""

from playwright.async_api import Browser, expect

from tests.browsers.board import BoardProcess, Operator, operating
from tests.company import Company

# Marks each element that a reader should reach with the tab key, and starts at the beginning of the page. Returns the number of marked elements. Of a
# group of radio buttons, the tab key reaches the chosen one. The links of the rows are reached with the keys of the list.
MARK = """scope => {
  const all = [...document.querySelectorAll(`${scope} :is(a[href], button, input, select, textarea, [tabindex="0"])`)];
  const reachable = all.filter(each => each.checkVisibility() && !each.disabled && !each.closest(".rows") && (each.type !== "radio" || each.checked));
  reachable.forEach((each, number) => { each.dataset.number = number; });
  document.body.tabIndex = -1;
  document.body.focus();
  document.body.removeAttribute("tabindex");
  return reachable.length;
}"""
# The number of the focused element, and whether the reader sees that it has the focus. If the list has the focus, one of its rows shows it.
FOCUSED = """() => {
  const element = document.activeElement;
  const shown = element.id === "list" ? element.querySelector(".row.selected") : element;
  const style = shown && getComputedStyle(element.type === "radio" && element.nextElementSibling ? element.nextElementSibling : shown);
  const isVisible = Boolean(style) && (style.outlineStyle !== "none" || getComputedStyle(element).outlineStyle !== "none");
  return [element.dataset.number === undefined ? null : Number(element.dataset.number), isVisible, element.outerHTML.slice(0, 120)];
}"""

ELEMENT = "number => document.querySelector(`[data-number='${number}']`)?.outerHTML.slice(0, 200)"
# Whether the focus is in the dialog, or on the browser's own controls.
IS_HELD = "document.activeElement === document.body || document.querySelector('dialog').contains(document.activeElement)"


async def reaches_everything(operator: Operator, scope: str = "body") -> None:
    """Press the tab key until the focus is at the beginning again. Each element must have had the focus, visibly."""
    number = await operator.page.evaluate(MARK, scope)
    reached: set[int] = set()
    for _ in range(2 * number + 5):
        await operator.page.keyboard.press("Tab")
        place, is_visible, element = await operator.page.evaluate(FOCUSED)
        if place is None:
            continue
        assert is_visible, f"the focus is not visible: {element}"
        if place in reached and len(reached) == number:
            break
        reached.add(place)
    missed = [await operator.page.evaluate(ELEMENT, each) for each in range(number) if each not in reached]
    assert missed == []


async def test_every_control_of_each_page_is_reached_with_the_tab_key(browser: Browser, board: BoardProcess, company: Company) -> None:
    id = await company.created(reference="order-1")
    async with operating(browser, board.url, company.token()) as operator:
        await expect(operator.row(id)).to_be_visible()
        await reaches_everything(operator)
        for address, heading in ((f"v/{id}", "order-1"), (f"v/{id}?full", "order-1"), ("catalogue", "Catalogue")):
            await operator.page.goto(f"{board.url}/#/{address}")
            await expect(operator.page.get_by_role("heading", level=1).filter(has_text=heading)).to_be_visible()
            await expect(operator.page.locator(".skeleton")).to_have_count(0)
            await reaches_everything(operator)


async def test_the_list_is_moved_through_opened_and_left_with_keys(browser: Browser, board: BoardProcess, company: Company) -> None:
    ids = [await company.created(reference=f"order-{number}") for number in range(5)][::-1]
    async with operating(browser, board.url) as operator:
        keyboard = operator.page.keyboard
        await operator.page.get_by_label("Access token").focus()
        await keyboard.insert_text(company.token())
        await keyboard.press("Enter")
        await operator.is_live()
        await expect(operator.row(ids[0])).to_be_visible()

        for key, place in (("j", 0), ("j", 1), ("ArrowDown", 2), ("ArrowDown", 3), ("k", 2), ("ArrowUp", 1)):
            await keyboard.press(key)
            await expect(operator.row(ids[place])).to_have_attribute("aria-selected", "true")
        await keyboard.press("Enter")
        heading = operator.detail.get_by_role("heading", level=1)
        await expect(heading).to_have_text("order-3")
        await keyboard.press("j")
        await expect(heading).to_have_text("order-2")
        # Escape closes the verification, which is open first beside the list, then on a page of its own. Its row is selected in the list each time.
        await keyboard.press("Escape")
        await expect(operator.detail).to_have_count(0)
        await expect(operator.row(ids[2])).to_have_attribute("aria-selected", "true")
        assert await operator.focused() == "Verifications"
        await keyboard.press("Enter")
        await operator.button("Open on a page of its own").focus()
        await keyboard.press("Enter")
        await expect(operator.grid).to_have_count(0)
        await keyboard.press("Escape")
        await expect(operator.grid).to_be_visible()
        await expect(operator.row(ids[2])).to_have_attribute("aria-selected", "true")
        assert await operator.focused() == "Verifications"


async def test_the_search_and_the_filters_are_used_with_keys_and_give_the_focus_back(browser: Browser, board: BoardProcess, company: Company) -> None:
    ids = [await company.created(reference=f"order-{number}") for number in range(3)]
    await company.result(ids[0], "VERIFIED")
    async with operating(browser, board.url, company.token()) as operator:
        keyboard, rows = operator.page.keyboard, operator.page.locator(".rows .row")
        await expect(rows).to_have_count(3)
        await keyboard.press("/")
        assert await operator.focused() == "Reference or id"
        await keyboard.type("order-1")
        await keyboard.press("Enter")
        await expect(rows).to_have_count(1)
        assert await operator.focused() == "Verifications"
        await keyboard.press("/")
        await keyboard.press("Control+a")
        await keyboard.press("Delete")
        await keyboard.press("Escape")
        await expect(rows).to_have_count(3)
        assert await operator.focused() == "Verifications"

        await keyboard.press("f")
        await keyboard.press("Space")
        await expect(rows).to_have_count(1)
        await keyboard.press("Escape")
        assert (await operator.focused()).startswith("Status")
        await keyboard.press("Enter")
        panel = operator.page.locator(".panel")
        await expect(panel).to_be_visible()
        # The panel does not hold the focus, and closes when the focus leaves it.
        for _ in range(8):
            await keyboard.press("Tab")
        await expect(panel).to_have_count(0)

        await operator.page.locator(".filters .chip").filter(has_text="Created").focus()
        await keyboard.press("Enter")
        for _ in range(2):
            await keyboard.press("ArrowDown")
        await expect(panel.get_by_label("at any time")).to_be_checked()
        await keyboard.press("Enter")
        await expect(panel).to_have_count(0)
        assert await operator.focused() == "Createdat any time"
        assert "created=always" in operator.page.url


async def test_dialogs_hold_the_focus_until_they_are_closed_and_give_it_back(browser: Browser, board: BoardProcess, company: Company) -> None:
    id = await company.created(reference="order-1")
    async with operating(browser, board.url, company.token(), f"v/{id}") as operator:
        keyboard = operator.page.keyboard
        for opener, closing in (("Close…", "Escape"), ("Close…", "Keep it as it is"), ("Follow link", "Done"), ("Keys", "Done")):
            await operator.button(opener).focus()
            await keyboard.press("Enter")
            await expect(operator.dialog).to_be_visible()
            await expect(operator.dialog.get_by_role("button").last).to_be_visible()
            for _ in range(8):
                await keyboard.press("Tab")
                assert await operator.page.evaluate(IS_HELD)
            if closing == "Escape":
                await keyboard.press("Escape")
            else:
                await operator.dialog.get_by_role("button", name=closing).focus()
                await keyboard.press("Enter")
            await expect(operator.dialog).to_have_count(0)
            assert await operator.focused() == opener, f"after {closing}"

        await keyboard.press("?")
        await expect(operator.dialog.get_by_role("heading", name="Keys")).to_be_visible()
        await keyboard.press("Escape")
        await expect(operator.dialog).to_have_count(0)
        # After a dialog has created a retry, the page shows the retry, which takes the focus.
        await operator.button("Close…").focus()
        await keyboard.press("Enter")
        await operator.dialog.get_by_role("button", name="Close the verification").focus()
        await keyboard.press("Enter")
        await operator.detail.get_by_role("button", name="Retry…").focus()
        await keyboard.press("Enter")
        await operator.dialog.get_by_role("button", name="Start attempt 2").focus()
        await keyboard.press("Enter")
        await expect(operator.detail.get_by_role("heading", name="Send the person the link.")).to_be_visible()
        await expect(operator.detail).to_be_focused()
