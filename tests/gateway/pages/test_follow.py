"""What a browser receives from the page at `/follow`. The files here stand in for those that `make board` builds."""

import json
from pathlib import Path

import pytest

from gateway.pages.bundle import EMPTY, FILLED
from gateway.pages.follow import follow_routes
from tests.serving import serving


@pytest.fixture
def follow_bundle(tmp_path: Path) -> Path:
    """A directory with a page and its file."""
    (tmp_path / "follow" / "assets").mkdir(parents=True)
    (tmp_path / "index.html").write_text(f'<!doctype html><head>{EMPTY}<script type="module" src="./follow/assets/a-1.js"></script></head>')
    (tmp_path / "follow" / "assets" / "a-1.js").write_text("console.log('follow');" * 50)
    return tmp_path


async def test_the_page_is_never_cached_and_may_only_connect_to_its_gateway(database_uri: str, follow_bundle: Path) -> None:
    async with serving(database_uri, pages=follow_routes(follow_bundle)) as gateway:
        response = await gateway.client.get("/follow")

    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert FILLED % json.dumps({"graphql": "graphql"}) in response.text
    policy = response.headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"} <= set(policy)
    assert "unsafe" not in response.headers["content-security-policy"]


async def test_its_files_are_cached_for_a_year_below_the_path_of_the_page(database_uri: str, follow_bundle: Path) -> None:
    async with serving(database_uri, pages=follow_routes(follow_bundle)) as gateway:
        found = await gateway.client.get("/follow/assets/a-1.js")
        missing = await gateway.client.get("/follow/assets/index.html")

    assert found.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert found.headers["content-encoding"] == "gzip"
    assert missing.status_code == 404


async def test_without_a_built_page_its_address_does_not_exist(database_uri: str, tmp_path: Path) -> None:
    async with serving(database_uri, pages=follow_routes(tmp_path)) as gateway:
        assert (await gateway.client.get("/follow")).status_code == 404
