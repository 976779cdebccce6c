"""What `gateway check` reports about settings, MongoDB, the clock and the indexes."""

import asyncio
import os

import pytest

from domain.request import Idempotency
from gateway.commands.check import check
from store import indexes
from store.driver import close_client, connect, database
from tests.factories import a_verification
from tests.serving import serving, settings_for_tests
from tests.storing import encode

UNREACHABLE = "mongodb://127.0.0.1:1/gateway"


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove all GATEWAY_ variables from the environment, so that the checks do not depend on where the tests run."""
    for name in [name for name in os.environ if name.startswith("GATEWAY_")]:
        monkeypatch.delenv(name)


async def test_every_check_passes_with_a_prepared_database(database_uri: str) -> None:
    client = connect(database_uri, 10)
    await indexes.ensure(database(client))
    close_client(client)

    findings = await check(settings_for_tests(database_uri, 0))

    assert all(ok for ok, _ in findings)
    assert [text.partition(":")[0] for _, text in findings] == ["settings", "provider", "MongoDB", "clock", "indexes"]
    assert findings[-1][1] == "indexes: complete"


async def test_missing_indexes_are_named_and_are_not_a_failure(database_uri: str) -> None:
    findings = await check(settings_for_tests(database_uri, 0))

    assert all(ok for ok, _ in findings)
    assert "will be created when the gateway starts" in findings[-1][1]


async def test_duplicates_that_prevent_a_unique_index_fail_and_are_named(database_uri: str) -> None:
    client = connect(database_uri, 10)
    same = [a_verification(idempotency=Idempotency("key-1", None)) for _ in range(2)]
    await database(client)[indexes.VERIFICATIONS].insert_many([encode(verification) for verification in same])
    close_client(client)

    ok, text = (await check(settings_for_tests(database_uri, 0)))[-1]

    assert not ok
    assert all(verification.id in text for verification in same)
    assert "key-1" not in text


async def test_an_unreachable_mongodb_fails_and_ends_the_checks() -> None:
    findings = await check(settings_for_tests(UNREACHABLE, 0, database_seconds=0.2))

    assert findings[:2] == [(True, "settings: complete"), (True, "provider: sandbox")]
    assert [(ok, text.partition(":")[0]) for ok, text in findings[2:]] == [(False, "MongoDB")]


async def test_a_missing_provider_is_reported_and_is_not_a_failure() -> None:
    findings = await check(settings_for_tests(UNREACHABLE, 0, database_seconds=0.2, provider=None))

    assert findings[1] == (True, "provider: none, so that no verification can be created; GATEWAY_PROVIDER sets it")


async def addresses(uri: str, **changed: str) -> list[str]:
    """What `gateway check` reports about the addresses of clients."""
    findings = await check(settings_for_tests(uri, 0, **changed))
    assert all(ok for ok, _ in findings)
    return [text for _, text in findings if text.startswith("addresses")]


async def test_an_https_url_without_a_trusted_proxy_is_a_warning(database_uri: str) -> None:
    [warning] = await addresses(database_uri, public_url="https://gateway.example")

    assert "GATEWAY_PUBLIC_URL is https" in warning
    assert "GATEWAY_TRUSTED_PROXIES" in warning
    assert await addresses(database_uri, public_url="https://gateway.example", trusted_proxies="10.0.0.0/8") == []
    assert await addresses(database_uri) == []


async def test_a_running_process_that_sees_only_private_addresses_is_a_warning(database_uri: str) -> None:
    async with serving(database_uri) as gateway:
        await gateway.query("{ me { subject } }")
        async with asyncio.timeout(30):
            while not (found := await addresses(database_uri)):
                await asyncio.sleep(0.1)
        trusted = await addresses(database_uri, trusted_proxies="10.0.0.0/8")

    assert [text.partition(" process")[0] for text in found] == ["addresses: WARNING: 1 running"]
    assert trusted == []


async def test_a_variable_that_is_not_a_setting_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_MONGO_URL", UNREACHABLE)

    findings = await check(settings_for_tests(UNREACHABLE, 0, database_seconds=0.2))

    assert (False, "GATEWAY_MONGO_URL is not a setting; `gateway settings` lists all settings") in findings
