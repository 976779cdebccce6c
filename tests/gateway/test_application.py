"""How the application is composed: what its settings choose, and its background tasks."""

import asyncio
from contextlib import nullcontext
from pathlib import Path

import pytest
from starlette.applications import Starlette

from gateway.application import fingerprint, keys_of_issuer, lifespan
from gateway.callers.keys import PublishedKeys
from gateway.settings import BadSettings
from tests.serving import settings_for_tests


def test_no_keys_of_the_issuer_are_used_unless_a_setting_says_where_they_are() -> None:
    assert keys_of_issuer(settings_for_tests("mongodb://unused", 0)) is None


def test_the_issuers_keys_come_from_a_url_or_a_file_and_not_from_both(tmp_path: Path) -> None:
    url = "https://issuer.example/keys"

    assert isinstance(keys_of_issuer(settings_for_tests("mongodb://unused", 0, token_jwks_url=url)), PublishedKeys)
    with pytest.raises(BadSettings, match="GATEWAY_TOKEN_JWKS_FILE: can't be set together with GATEWAY_TOKEN_JWKS_URL"):
        keys_of_issuer(settings_for_tests("mongodb://unused", 0, token_jwks_url=url, token_jwks_file=tmp_path / "keys.json"))


def test_a_fingerprint_depends_on_the_text_and_on_the_key() -> None:
    one = fingerprint(settings_for_tests("mongodb://unused", 0))
    other = fingerprint(settings_for_tests("mongodb://unused", 0, fingerprint_key="another-key-0123456789-abcdefghijklm"))

    assert one("a text") == one("a text")
    assert len({one("a text"), one("another text"), other("a text")}) == 3
    assert len(one("a text")) == 64


async def test_background_tasks_run_while_the_process_serves_and_are_cancelled_at_its_end() -> None:
    steps: list[str] = []

    async def work() -> None:
        steps.append("began")
        try:
            await asyncio.Event().wait()
        finally:
            steps.append("ended")

    async with lifespan({"one": work, "other": work}, nullcontext, [])(Starlette()):
        await asyncio.sleep(0)
        assert steps == ["began", "began"]

    assert steps == ["began", "began", "ended", "ended"]
