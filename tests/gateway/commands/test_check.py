"""What `gateway check` reports about settings, files and the issuer's keys. The reports about MongoDB are tested in test_mongo_findings.py."""

import os
from pathlib import Path

import orjson
import pytest

from gateway.commands.check import check
from gateway.commands.findings import Finding, Problem
from gateway.settings import Settings, to_serve
from store import indexes
from store.driver import close_client, connect, database
from tests.gateway.callers.test_keys import RSA, an_issuer, response_of
from tests.processes.service import settings_at
from tests.serving import settings_for_tests

UNREACHABLE = "mongodb://127.0.0.1:1/gateway"


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove all GATEWAY_ variables from the environment, so that the checks do not depend on where the tests run."""
    for name in [name for name in os.environ if name.startswith("GATEWAY_")]:
        monkeypatch.delenv(name)


def away(**changed: object) -> Settings:
    """Settings with a MongoDB that can't be reached. The time limit is short, so that the check ends soon."""
    return settings_for_tests(UNREACHABLE, 0, database_seconds=0.2, **changed)


async def problems(**changed: object) -> list[tuple[Problem, str]]:
    """The problems that `gateway check` finds in these settings, each with its text. The problem that MongoDB can't be reached is left out."""
    found = await check(lambda: away(**changed))
    return [(finding.problem, finding.text) for finding in found if finding.problem not in (None, Problem.MONGO_UNREACHABLE)]


async def test_every_check_passes_with_a_prepared_database(database_uri: str) -> None:
    client = connect(database_uri, 10)
    await indexes.ensure(database(client))
    close_client(client)

    findings = await check(lambda: settings_for_tests(database_uri, 0))

    assert not any(finding.problem for finding in findings)
    assert [finding.text.partition(":")[0].partition(" 6")[0] for finding in findings] == [
        *("settings", "provider", "MongoDB", "clock", "privileges", "write and change stream", "indexes"),
    ]


async def test_a_missing_provider_is_reported_and_is_not_a_failure() -> None:
    findings = await check(lambda: away(provider=None))

    assert findings[1] == Finding("provider: none, so that no verification can be created; GATEWAY_PROVIDER sets it")


async def test_a_variable_that_is_not_a_setting_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_MONGO_URL", UNREACHABLE)

    assert await problems() == [(Problem.SETTINGS, "GATEWAY_MONGO_URL is not a setting; `gateway settings` lists all settings")]


async def test_each_setting_that_is_missing_or_weak_has_a_line_and_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**settings_at(0), "GATEWAY_MONGO_URI": UNREACHABLE, "GATEWAY_SIGNING_KEY": "12345678" * 4, "GATEWAY_PUBLIC_URL": ""}.items():
        monkeypatch.setenv(name, value)

    assert await check(to_serve) == [
        Finding("GATEWAY_SIGNING_KEY: is too simple to be a key; `openssl rand -base64 48` makes one", Problem.KEYS),
        Finding("GATEWAY_PUBLIC_URL: is empty", Problem.SETTINGS),
    ]


async def test_files_that_cannot_be_used_are_settings_problems(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text('{"keys": []}')
    (tmp_path / "documents.json").write_text("[")

    found = await problems(token_jwks_file=tmp_path / "keys.json", trusted_documents=tmp_path / "documents.json")

    assert [(problem, text.partition(":")[0]) for problem, text in found] == [
        (Problem.SETTINGS, "GATEWAY_TRUSTED_DOCUMENTS"),
        (Problem.SETTINGS, "GATEWAY_TOKEN_JWKS_FILE"),
    ]


async def test_an_archive_is_written_to(tmp_path: Path) -> None:
    findings = await check(lambda: away(archive=tmp_path))

    assert Finding(f"archive {tmp_path}: files can be written") in findings
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("folder", ["/proc", "/dev/null", "missing"])
async def test_an_archive_that_cannot_be_written_is_a_settings_problem(folder: str, tmp_path: Path) -> None:
    archive = tmp_path / folder

    assert await problems(archive=archive) == [
        (Problem.SETTINGS, f"archive {archive}: it is no directory in which the gateway can write (GATEWAY_ARCHIVE)")
    ]


async def test_a_providers_file_that_cannot_be_used_has_a_line_for_each_entry(tmp_path: Path) -> None:
    file = tmp_path / "providers.toml"
    file.write_text('[acme]\nprovider = "yousign"\napi_key = "canary"\n[other]\nprovider = "unknown"\n')

    assert await problems(providers_file=file) == [
        (Problem.PROVIDERS_FILE, f"providers file {file}: [acme] api_key must not be in this file; name its source with api_key_env or api_key_file"),
        (Problem.PROVIDERS_FILE, f'providers file {file}: [other] provider: must be "yousign", "external" or "sandbox"'),
    ]


async def test_the_issuers_keys_are_fetched_and_counted() -> None:
    async with an_issuer(RSA) as issuer:
        findings = await check(lambda: away(token_jwks_url=issuer.url))

    assert Finding("issuer's keys: 1 usable at GATEWAY_TOKEN_JWKS_URL") in findings


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (response_of(b"", status="404 Not Found"), "status 404"),
        (response_of(b"<html>"), "the answer is not a JWK set"),
        (response_of(b"[]"), "the answer is not a JWK set"),
        (response_of(orjson.dumps({"keys": []})), "the JWK set has no key that can be used"),
        (b"", "RemoteProtocolError"),
    ],
)
async def test_an_issuer_without_keys_is_a_problem_without_its_address(response: bytes, reason: str) -> None:
    async with an_issuer(RSA) as issuer:
        issuer.response = response
        [(problem, text)] = await problems(token_jwks_url=issuer.url)

    assert problem is Problem.ISSUER_KEYS
    assert text.startswith(f"issuer's keys: can't be fetched from GATEWAY_TOKEN_JWKS_URL: {reason}")
    assert str(issuer.port) not in text
