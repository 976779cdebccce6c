"""What a browser receives from the board's page and files. The files here stand in for those that `make board` builds."""

import gzip
import json
import re
from pathlib import Path

import pytest

from gateway.pages.board import BoardNotBuilt, configuration_of, production_pages, routes
from gateway.pages.bundle import EMPTY, is_built
from tests.gateway.pages.browsing import Page
from tests.serving import serving

SCRIPT = "console.log('board');" * 100
HOSTILE = "</script><script>alert(1)</script>"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A directory with a page and its files."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(
        f'<!doctype html><head>{EMPTY}<script type="module" src="./assets/index-AbC.js"></script></head><body></body>'
    )
    (tmp_path / "assets" / "index-AbC.js").write_text(SCRIPT)
    (tmp_path / "assets" / "inter.woff2").write_bytes(bytes(range(256)))
    return tmp_path


def configuration_in(html: str) -> object:
    """The configuration that a page contains."""
    found = re.search('<script id="configuration" type="application/json">(.*?)</script>', html)
    assert found
    return json.loads(found[1])


async def test_the_page_contains_its_configuration_and_is_never_cached(database_uri: str, bundle: Path) -> None:
    async with serving(database_uri, pages=routes(lambda: configuration_of(60.0) | {"token": "t"}, bundle)) as gateway:
        response = await gateway.client.get("/")

    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert configuration_in(response.text) == {"graphql": "graphql", "processingSeconds": 60.0, "links": {}, "token": "t"}


async def test_the_configuration_cannot_break_out_of_its_element(database_uri: str, bundle: Path) -> None:
    async with serving(database_uri, pages=routes(lambda: {"token": HOSTILE}, bundle)) as gateway:
        response = await gateway.client.get("/")

    assert configuration_in(response.text) == {"token": HOSTILE}
    assert len(Page.of(response).all("script")) == 2


async def test_the_policy_allows_only_the_boards_own_files(database_uri: str, bundle: Path) -> None:
    async with serving(database_uri, pages=routes(dict, bundle)) as gateway:
        headers = (await gateway.client.get("/")).headers

    assert dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";")) == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "font-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }


async def test_files_are_compressed_in_advance_and_cached_for_a_year(database_uri: str, bundle: Path) -> None:
    async with serving(database_uri, pages=routes(dict, bundle)) as gateway:
        compressed = await gateway.client.get("/assets/index-AbC.js", headers={"accept-encoding": "br, gzip"})
        plain = await gateway.client.get("/assets/index-AbC.js", headers={"accept-encoding": "identity"})
        font = await gateway.client.get("/assets/inter.woff2", headers={"accept-encoding": "gzip"})

    assert (compressed.text, plain.text) == (SCRIPT, SCRIPT)
    assert compressed.headers["content-encoding"] == "gzip"
    assert int(compressed.headers["content-length"]) == len(gzip.compress(SCRIPT.encode(), mtime=0))
    assert "content-encoding" not in plain.headers
    # The content of a font is compressed already.
    assert "content-encoding" not in font.headers
    for response, media_type in ((compressed, "text/javascript; charset=utf-8"), (font, "font/woff2")):
        assert response.headers["content-type"] == media_type
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert response.headers["vary"] == "accept-encoding"


async def test_a_page_of_another_origin_may_load_the_files_but_not_the_page(database_uri: str, bundle: Path) -> None:
    origin = {"origin": "https://intranet.example"}
    async with serving(database_uri, pages=routes(lambda: {"token": "t"}, bundle)) as gateway:
        statuses = [(await gateway.client.get(path, headers=origin)).status_code for path in ("/assets/index-AbC.js", "/assets/inter.woff2", "/")]

    assert statuses == [200, 200, 403]


@pytest.mark.parametrize("name", ["index.html", "..%2Findex.html", "index-AbC.js.map", "nothing.js"])
async def test_only_the_files_of_the_bundle_are_served(database_uri: str, bundle: Path, name: str) -> None:
    async with serving(database_uri, pages=routes(dict, bundle)) as gateway:
        assert (await gateway.client.get(f"/assets/{name}")).status_code == 404


def test_a_board_that_is_not_built_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    assert not is_built(tmp_path)
    with pytest.raises(BoardNotBuilt, match="make board"):
        routes(dict, tmp_path)


def test_production_serves_the_board_only_if_it_is_on() -> None:
    assert production_pages(False, 60.0) == []
