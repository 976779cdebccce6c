"""What a browser receives from `/graphiql`."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from gateway.pages.access import PageAccess
from gateway.pages.graphiql import routes
from tests.gateway.pages.browsing import Page
from tests.gateway.pages.test_console import CREDENTIALS, HOSTILE
from tests.serving import serving


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A directory with a file, which stands in for the files of GraphiQL that `make graphiql` builds."""
    (tmp_path / "graphiql.js").write_text("// GraphiQL")
    return tmp_path


async def test_the_page_has_its_files_the_credentials_and_the_choice_of_a_token(database_uri: str, bundle: Path) -> None:
    hostile = replace(CREDENTIALS, workspace=HOSTILE)
    async with serving(database_uri, pages=routes(PageAccess(lambda: hostile), bundle)) as gateway:
        response = await gateway.client.get("/graphiql")
        page = Page.of(response)
        files = [(await gateway.client.get(f"/{name}")).text for name in ("graphiql/graphiql.js", "graphiql.css")]

    policy = response.headers["content-security-policy"].split("; ")
    assert json.loads(page.all("body")[0]["data-credentials"]) == asdict(hostile)
    assert [option["value"] for option in page.all("option")] == list(asdict(CREDENTIALS.tokens))
    assert page.all("script") == [{"src": "credentials.js", "type": "module"}, {"src": "graphiql/graphiql.js", "type": "module"}]
    assert "data-locked" not in page.all("body")[0]
    assert files[0] == "// GraphiQL"
    assert "#graphiql" in files[1]
    assert {"script-src 'self'", "worker-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "default-src 'none'"} <= set(policy)
    assert len(policy) == len({directive.split(" ")[0] for directive in policy})


async def test_if_others_share_the_machine_the_page_contains_no_token(database_uri: str, bundle: Path) -> None:
    async with serving(database_uri, pages=routes(PageAccess(lambda: CREDENTIALS, lambda link: None), bundle)) as gateway:
        response = await gateway.client.get("/graphiql")

    assert Page.of(response).all("body") == [{"data-credentials": "", "data-locked": ""}]
    assert "token-of" not in response.text


async def test_without_a_bundle_the_page_says_how_to_build_it(database_uri: str, tmp_path: Path) -> None:
    async with serving(database_uri, pages=routes(PageAccess(lambda: CREDENTIALS), tmp_path / "nothing")) as gateway:
        page, file = await gateway.client.get("/graphiql"), await gateway.client.get("/graphiql/graphiql.js")

    assert (page.status_code, file.status_code) == (404, 404)
    assert "make graphiql" in page.text


async def test_a_gateway_in_production_has_no_graphiql(database_uri: str) -> None:
    async with serving(database_uri, introspection=False) as gateway:
        assert (await gateway.client.get("/graphiql")).status_code == 404
