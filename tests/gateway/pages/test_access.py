"""Tests of the links to the pages of `gateway dev` on a machine that others share. Each link works only once."""

from collections.abc import AsyncIterator
from dataclasses import asdict
from urllib.parse import urlsplit

import pytest

from gateway.pages.access import SECRET_BYTES, SECRET_HEADER, USED, PageAccess
from gateway.pages.console import routes
from tests.gateway.pages.browsing import Page
from tests.gateway.pages.test_console import CREDENTIALS
from tests.serving import Gateway, serving


@pytest.fixture
def links() -> list[str]:
    """The links that were printed, the newest last."""
    return []


@pytest.fixture
async def gateway(database_uri: str, links: list[str]) -> AsyncIterator[Gateway]:
    """A development gateway on a machine that others share."""
    access = PageAccess(lambda: CREDENTIALS, links.append)
    access.begin()
    async with serving(database_uri, pages=routes(access, at_root=True), local=True) as running:
        yield running


def secret_of(link: str) -> str:
    return urlsplit(link).fragment


async def sent(gateway: Gateway, secret: str, **headers: str) -> tuple[int, object]:
    """Send a secret as the page does. Returns the status, and the credentials or the text of the refusal."""
    response = await gateway.client.post("/credentials", headers={SECRET_HEADER: secret, **headers})
    return response.status_code, response.json() if response.is_success else response.text


async def test_the_page_contains_no_token(gateway: Gateway) -> None:
    response = await gateway.client.get("/")

    assert Page.of(response).all("body") == [{"data-credentials": "", "data-locked": ""}]
    assert "token-of" not in response.text


async def test_each_link_works_once_and_the_next_one_is_printed(gateway: Gateway, links: list[str]) -> None:
    assert await sent(gateway, secret_of(links[0])) == (200, asdict(CREDENTIALS))
    assert await sent(gateway, secret_of(links[0])) == (403, USED)
    assert await sent(gateway, secret_of(links[1])) == (200, asdict(CREDENTIALS))
    assert len(links) == 3
    assert len(set(links)) == 3


async def test_a_link_holds_a_long_secret_that_is_not_sent_in_the_address(links: list[str], gateway: Gateway) -> None:
    link = urlsplit(links[0])

    assert (link.scheme, link.netloc, link.path, link.query) == ("http", "gateway.example", "/console", "")
    assert len(link.fragment) >= SECRET_BYTES * 4 / 3


@pytest.mark.parametrize("secret", ["", "x", "0" * 43, "é", "null"])
async def test_a_wrong_secret_is_refused_and_uses_no_link_up(gateway: Gateway, links: list[str], secret: str) -> None:
    response = await gateway.client.post("/credentials", headers=[(SECRET_HEADER.encode(), secret.encode())])

    assert (response.status_code, response.text, len(links)) == (403, USED, 1)
    assert (await sent(gateway, secret_of(links[0])))[0] == 200


async def test_only_a_post_uses_a_link_up(gateway: Gateway, links: list[str]) -> None:
    headers = {SECRET_HEADER: secret_of(links[0])}

    statuses = [(await gateway.client.request(method, "/credentials", headers=headers)).status_code for method in ("GET", "HEAD", "PUT")]

    assert (statuses, len(links)) == ([405, 405, 405], 1)


async def test_a_page_of_another_site_uses_no_link_up(gateway: Gateway, links: list[str]) -> None:
    response = await gateway.client.post("/credentials", headers={SECRET_HEADER: secret_of(links[0]), "origin": "http://evil.example"})

    assert (response.status_code, len(links)) == (403, 1)
    assert "access-control-allow-origin" not in response.headers


def test_before_the_first_link_no_secret_is_accepted() -> None:
    assert PageAccess(lambda: CREDENTIALS, lambda link: None).redeemed("") is None


async def test_without_links_the_page_contains_the_credentials_and_none_are_handed_out(database_uri: str) -> None:
    async with serving(database_uri, pages=routes(PageAccess(lambda: CREDENTIALS), at_root=True), local=True) as gateway:
        page = await gateway.client.get("/")
        answer = await gateway.client.post("/credentials", headers={SECRET_HEADER: ""})

    assert "token-of-integrator" in page.text
    assert "data-locked" not in Page.of(page).all("body")[0]
    assert answer.status_code == 404
