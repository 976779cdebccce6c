import json
import re
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from itertools import count
from typing import Any

import pytest
from graphql import parse, validate

from gateway.development import keys as development
from gateway.pages.access import PageAccess
from gateway.pages.console import routes
from gateway.pages.page import FILES
from schema.build import build
from simulation.credentials import Credentials, Tokens
from tests.gateway.pages.browsing import Page
from tests.serving import Gateway, serving

TOKENS = Tokens(integrator="token-of-integrator", provider="token-of-provider", operator="token-of-operator", other="token-of-other")
CREDENTIALS = Credentials("http://gateway.example", "http://gateway.example/graphql", "ws://gateway.example/graphql", "demo", TOKENS)
HOSTILE = """"><script>alert('&amp;')</script>"""

# Matches one operation in `operations.graphql`. The script of the console parses this file with the same expression.
OPERATION = re.compile(r"^# (\w+), (\w+): (.+)\n# ({.*})\n((?:[^#\n].*\n)+)", re.MULTILINE)
OPERATIONS = {found[1]: found for found in OPERATION.finditer(FILES.joinpath("operations.graphql").read_text())}


@pytest.fixture
async def gateway(database_uri: str) -> AsyncIterator[Gateway]:
    async with serving(database_uri, pages=routes(PageAccess(lambda: CREDENTIALS), at_root=True)) as running:
        yield running


async def test_the_page_holds_the_credentials(gateway: Gateway) -> None:
    page = Page.of(await gateway.client.get("/"))

    assert json.loads(page.all("body")[0]["data-credentials"]) == asdict(CREDENTIALS)


async def test_credentials_cannot_break_out_of_the_page(database_uri: str) -> None:
    hostile = replace(CREDENTIALS, workspace=HOSTILE)

    async with serving(database_uri, pages=routes(PageAccess(lambda: hostile), at_root=True)) as gateway:
        page = Page.of(await gateway.client.get("/"))

    assert json.loads(page.all("body")[0]["data-credentials"]) == asdict(hostile)
    assert page.all("script") == [{"src": "console.js", "type": "module"}]


async def test_the_policy_allows_only_the_pages_own_files(gateway: Gateway) -> None:
    headers = (await gateway.client.get("/")).headers

    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "require-trusted-types-for": "'script'",
    }
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"


async def test_every_file_of_the_page_is_served_and_contains_no_token(gateway: Gateway) -> None:
    page = Page.of(await gateway.client.get("/"))
    names = {
        *(link["href"] for link in page.all("link")),
        *(script["src"] for script in page.all("script")),
        "credentials.js",
        "graphql.js",
        "operations.graphql",
    }
    media = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml", "graphql": "application/graphql"}

    for name in names:
        response = await gateway.client.get(f"/{name}")
        assert response.status_code == 200, name
        assert response.headers["content-type"].startswith(media[name.rpartition(".")[2]])
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "token-of" not in response.text


async def test_each_load_of_the_page_has_new_tokens(database_uri: str) -> None:
    numbers = count()

    def signed() -> Credentials:
        return replace(CREDENTIALS, workspace=f"workspace-{next(numbers)}")

    async with serving(database_uri, pages=routes(PageAccess(signed), at_root=True)) as gateway:
        bodies = [Page.of(await gateway.client.get("/")).all("body")[0] for _ in range(2)]

    assert [json.loads(body["data-credentials"])["workspace"] for body in bodies] == ["workspace-0", "workspace-1"]


async def test_the_page_is_refused_under_another_host_name(database_uri: str) -> None:
    async with serving(database_uri, pages=routes(PageAccess(lambda: CREDENTIALS, lambda link: None), at_root=True), local=True) as gateway:
        own = [(await gateway.client.get("/", headers={"host": host})).status_code for host in ("localhost:8000", "127.0.0.1")]
        foreign = [
            await gateway.client.request(method, path, headers={"host": host})
            for method, path in (("GET", "/"), ("POST", "/credentials"))
            for host in ("evil.example", "localhost.evil.example:8000", "")
        ]

    assert own == [200, 200]
    assert [response.status_code for response in foreign] == [400] * 6
    assert not any("token-of" in response.text for response in foreign)


async def test_a_gateway_in_production_has_no_console(database_uri: str) -> None:
    async with serving(database_uri) as gateway:
        for path in ("/", "/console.js", "/operations.graphql", "/credentials"):
            assert (await gateway.client.get(path)).status_code == 404
        assert (await gateway.client.post("/credentials")).status_code == 404


def test_no_page_loads_files_of_other_origins_or_has_inline_scripts() -> None:
    for file in FILES.iterdir():
        if not file.name.endswith((".html", ".css", ".js")):
            continue
        text = file.read_text()
        assert not re.search(r"""(?:src|href|url\(|from|import)\s*[=(]?\s*["']?(?:https?:)?//""", text), file.name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", text), file.name
        if file.name.endswith(".html"):
            assert not re.search(r"""\s(?:on\w+|style)=|<style|<script(?! src=)""", text), file.name


def test_the_example_operations_are_valid_against_the_schema() -> None:
    document = parse(FILES.joinpath("operations.graphql").read_text())

    assert validate(build()._schema, document) == []
    assert len(document.definitions) == len(OPERATIONS)


async def test_the_example_operations_succeed(gateway: Gateway) -> None:
    created = await run_example(gateway, "create", "")

    for name in ("begin", "fail", "read", "latest", "list", "statistics", "reasons", "token", "retry"):
        assert "code" not in await run_example(gateway, name, created["id"]), name

    assert (await run_example(gateway, "read", created["id"]))["attempts"] == [
        {"id": created["id"], "attempt": 1, "status": "FAILED"},
        {"id": (await run_example(gateway, "retry", created["id"]))["id"], "attempt": 2, "status": "PENDING"},
    ]


async def run_example(gateway: Gateway, name: str, id: str) -> Any:
    """Execute an example operation with a token that has the scopes of the example's caller. Returns the value of the operation's root field."""
    _, caller, _, variables, query = OPERATIONS[name].groups()
    scopes = development.TOKENS[caller][1]
    data = await gateway.query(query, json.loads(variables.replace("$id", id).replace("$origin", gateway.url)), gateway.token(*scopes))
    return next(iter(data.values()))
