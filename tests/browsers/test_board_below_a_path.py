"""The board and the person's page behind nginx below a path, with the lines that docs/deploying.md shows."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
from playwright.async_api import Browser, expect
from pymongo import MongoClient

from tests.browsers.board import a_board, operating, require_pages
from tests.browsers.chromium import a_tab, server_of
from tests.company import LINK_OPENED, Company
from tests.deploying.recipes import PAGE, executable, proxy
from tests.processes.service import free_port
from tests.serving import ISSUER, serving


def changed_lines() -> dict[str, str]:
    """The lines of the recipe for nginx that the section "Below a path" replaces, each with the line that the section shows in its place."""
    found = re.search(r"^### Below a path\n.+?```nginx\n(.+?)```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert found, 'docs/deploying.md has no section "Below a path"'
    [location, forward, hidden] = found[1].splitlines()
    return {
        "    location / {": location,
        "        proxy_pass http://gateway;": forward,
        "    location ~ ^/(livez|readyz|healthz|metrics)$ {": hidden,
    }


async def test_the_board_and_the_persons_page_work_below_a_path(
    browser: Browser, shared_database_uri: str, mongo: MongoClient[dict[str, Any]], tmp_path: Path
) -> None:
    require_pages()
    executable("nginx")
    port = free_port()
    async with (
        proxy("nginx", tmp_path, (port, port), changed_lines()) as running,
        a_board(shared_database_uri, tmp_path, port, GATEWAY_PUBLIC_URL=f"{running.url}/verify", GATEWAY_TRUSTED_PROXIES="127.0.0.1"),
        serving(shared_database_uri, token_issuer=ISSUER) as gateway,
    ):
        company = Company(gateway, mongo[urlsplit(shared_database_uri).path[1:]]["verifications"])
        id = await company.created(reference="order-1")
        url, requests = f"{running.url}/verify", list[str]()
        async with operating(browser, url, company.token(), trusting=True) as operator, a_tab(browser, trusting=True) as person:
            for page in (operator.page, person.page):
                page.on("request", lambda request: requests.append(request.url))
            await operator.open(id)
            await operator.button("Follow link").click()
            link = await operator.dialog.get_by_role("link", name="Open it").get_attribute("href")
            assert link
            assert link.startswith(f"{url}/follow#")
            await person.page.goto(link)
            await expect(person.page.get_by_role("heading", name="Ready when you are")).to_be_visible()

            await company.progress(id, LINK_OPENED)
            await expect(operator.row(id)).to_contain_text("Link opened")
            await expect(person.page.get_by_role("heading", name="Your video check is open")).to_be_visible()
            own = {server_of(url), server_of(url).replace("http", "ws", 1)}
            assert operator.tab.servers | person.servers == own
            assert [each for each in requests if not each.startswith(f"{url}/")] == []
            assert operator.tab.problems + person.problems == []
        async with httpx2.AsyncClient(verify=running.trust) as client:
            statuses = {path: (await client.get(f"{running.url}{path}")).status_code for path in ("/verify", "/verify/metrics", "/metrics")}
        assert statuses == {"/verify": 301, "/verify/metrics": 404, "/metrics": 404}
