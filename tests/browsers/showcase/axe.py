"""Examines a page with axe, which finds violations of WCAG and of common practice, in the light and in the dark theme."""

from pathlib import Path

from playwright.async_api import Page

AXE = Path(__file__).parent.parent.parent.parent / "web" / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# The rules whose result depends on the theme: the themes differ in colours only.
RULES_OF_COLOURS = ["color-contrast", "link-in-text-block"]
# Returns each violation with the elements in which axe found it. What axe can't decide is no violation.
FIND_VIOLATIONS = """rules => axe.run(document, { runOnly: rules, resultTypes: ["violations"] }).then(({ violations }) =>
  violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id} ${target.join(" ")}: ${failureSummary}`)))"""


async def violations(page: Page, *, all_rules_twice: bool = False) -> list[str]:
    """The violations that axe finds on the page, as texts. The first word of each text is the theme, the second one is the name of the rule.

    `all_rules_twice`: apply also the rules that do not depend on colours in both themes, which takes twice as long.
    """
    if not await page.evaluate("'axe' in window"):
        # The script of axe is evaluated here. As an element of the page, it would be forbidden by the page's Content-Security-Policy.
        await page.evaluate(AXE.read_text(encoding="utf-8"))
    found = []
    for scheme, rules in ("light", TAGS), ("dark", TAGS if all_rules_twice else RULES_OF_COLOURS):
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        found += [f"{scheme} {each}" for each in await page.evaluate(FIND_VIOLATIONS, rules)]
    return found
