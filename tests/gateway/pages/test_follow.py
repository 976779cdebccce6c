"""What a browser receives from the page at `/follow`. The files here stand in for those that `make board` builds."""

import json
from base64 import urlsafe_b64decode
from pathlib import Path

import pytest

from gateway.pages.bundle import EMPTY, FILLED
from gateway.pages.follow import Renewals, follow_routes
from tests.serving import serving

NO_RENEWALS = Renewals(dict, ["key"])
ADDRESS, OTHER_ADDRESS = "https://shop.example/follow-token", "https://bank.example/renew"
ADDRESSES = {"shop": ADDRESS, "a.bank": OTHER_ADDRESS}


@pytest.fixture
def follow_bundle(tmp_path: Path) -> Path:
    """A directory with a page and its file."""
    (tmp_path / "follow" / "assets").mkdir(parents=True)
    (tmp_path / "index.html").write_text(f'<!doctype html><head>{EMPTY}<script type="module" src="./follow/assets/a-1.js"></script></head>')
    (tmp_path / "follow" / "assets" / "a-1.js").write_text("console.log('follow');" * 50)
    return tmp_path


async def test_the_page_is_never_cached_and_may_only_connect_to_its_gateway(database_uri: str, follow_bundle: Path) -> None:
    async with serving(database_uri, pages=follow_routes(NO_RENEWALS, follow_bundle)) as gateway:
        response = await gateway.client.get("/follow")

    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert FILLED % json.dumps({"graphql": "graphql"}) in response.text
    policy = response.headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"} <= set(policy)
    assert "unsafe" not in response.headers["content-security-policy"]


async def test_its_files_are_cached_for_a_year_below_the_path_of_the_page(database_uri: str, follow_bundle: Path) -> None:
    async with serving(database_uri, pages=follow_routes(NO_RENEWALS, follow_bundle)) as gateway:
        found = await gateway.client.get("/follow/assets/a-1.js")
        missing = await gateway.client.get("/follow/assets/index.html")

    assert found.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert found.headers["content-encoding"] == "gzip"
    assert missing.status_code == 404


def test_without_a_built_page_there_are_no_addresses(tmp_path: Path) -> None:
    assert follow_routes(NO_RENEWALS, tmp_path) == []


async def test_a_page_may_connect_only_to_the_address_that_its_reference_names(database_uri: str, follow_bundle: Path) -> None:
    renewals = Renewals(lambda: ADDRESSES, ["key"])
    async with serving(database_uri, pages=follow_routes(renewals, follow_bundle)) as gateway:
        for workspace, address in ADDRESSES.items():
            response = await gateway.client.get("/follow", params={"for": renewals.reference(workspace) or ""})

            assert f"connect-src 'self' {address}" in response.headers["content-security-policy"].split("; ")
            assert FILLED % json.dumps({"graphql": "graphql", "renewal": address}) in response.text


async def test_a_reference_that_is_not_valid_gets_the_page_without_an_address(database_uri: str, follow_bundle: Path) -> None:
    renewals = Renewals(lambda: ADDRESSES, ["key"])
    _, _, signature = (renewals.reference("shop") or "").rpartition(".")
    foreign = Renewals(lambda: ADDRESSES, ["another key"]).reference("shop")
    async with serving(database_uri, pages=follow_routes(renewals, follow_bundle)) as gateway:
        for reference in ("shop", "shop.", f"a.bank.{signature}", foreign, f"shop.{signature}.", f".{signature}", "shop.é", ADDRESS, ""):
            response = await gateway.client.get("/follow", params={"for": reference or ""})

            assert response.status_code == 200
            assert "connect-src 'self'" in response.headers["content-security-policy"].split("; ")
            assert ".example" not in response.text


def test_references_of_the_previous_key_stay_valid_and_those_of_removed_addresses_do_not() -> None:
    addresses = dict(ADDRESSES)
    before = Renewals(lambda: addresses, ["key"])
    reference = before.reference("shop") or ""

    assert Renewals(lambda: addresses, ["new key", "key"]).address(reference) == ADDRESS
    assert Renewals(lambda: addresses, ["new key"]).address(reference) is None
    del addresses["shop"]
    assert (before.address(reference), before.reference("shop"), before.reference("unknown")) == (None, None, None)


async def test_only_follow_tokens_of_a_workspace_with_an_address_contain_a_reference(database_uri: str, tmp_path: Path) -> None:
    path = tmp_path / "providers.toml"
    path.write_text(f'[shop]\nprovider = "external"\nobserve = false\nfollow_renewal_url = "{ADDRESS}"\n')
    async with serving(database_uri, providers_file=path) as gateway:
        for workspace, has_reference in (("shop", True), ("other", False)):
            token = gateway.token(workspace=workspace)
            external = {"verificationUrl": "https://verify.example/1"} if workspace == "shop" else None
            person = {"firstName": "Ada", "lastName": "Lovelace", "redirectionUrl": "https://shop.example/", "external": external}
            create = "mutation($input: CreateVerificationInput!) { v: createVerification(input: $input) { ... on Verification { id } } }"
            id = (await gateway.query(create, {"input": person}, token))["v"]["id"]
            issue = "mutation($id: ID!) { t: issueFollowToken(verificationId: $id) { ... on FollowToken { token } } }"
            issued = (await gateway.query(issue, {"id": id}, token))["t"]["token"]

            assert ("page" in claims_of(issued)) == has_reference


def claims_of(token: str) -> dict[str, object]:
    """The claims of a token, which are not verified."""
    part = token.split(".")[1]
    claims: dict[str, object] = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims
