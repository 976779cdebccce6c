"""Tests of what `gateway check` reports about the workspaces of the providers file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.commands.check import check
from tests.fakes.yousign import FakeYousign, Fault, fake_yousign, providers_file
from tests.serving import settings_for_tests

NO_MONGODB = "mongodb://127.0.0.1:1/gateway"


@pytest.fixture
async def fake() -> AsyncIterator[FakeYousign]:
    """A running fake of Yousign."""
    async with fake_yousign() as running:
        yield running


async def found(file: Path) -> dict[str, bool]:
    """The findings of `gateway check` about the providers in this file: the text of each, with True if it is good and False if it is a problem."""
    findings = await check(lambda: settings_for_tests(NO_MONGODB, 0, database_seconds=0.2, providers_file=file, provider=None))
    return {finding.text: finding.problem is None for finding in findings if finding.text.startswith("provider")}


async def test_each_workspace_is_tried_and_a_failure_names_it_and_its_reason(fake: FakeYousign, tmp_path: Path) -> None:
    other_key = '[broken]\nprovider = "yousign"\nbase_url = "{url}/v3"\napi_key_file = "wrong"\nwebhook_secret_files = ["webhook-secret"]\n'
    (tmp_path / "wrong").write_text("canary-api-key")
    file = providers_file(tmp_path, fake, more=other_key.format(url=fake.url) + '[own]\nprovider = "external"\n')

    assert await found(file) == {
        "provider: other workspaces have none": True,
        "provider of acme: yousign at 127.0.0.1 accepts the API key; 1 webhook secret(s) are set": True,
        "provider of broken: yousign at 127.0.0.1 can't be used: the API key is not accepted (status 401)": False,
        "provider of own: external": True,
    }
    assert {method for method, _ in fake.requests} == {"GET"}


@pytest.mark.parametrize(("fault", "reason"), [(Fault.ERROR, "status 500"), (Fault.CUT, "no answer"), (Fault.BAD_BODY, "can't be understood")])
async def test_a_provider_that_does_not_answer_properly_fails(fake: FakeYousign, tmp_path: Path, fault: Fault, reason: str) -> None:
    fake.order("GET", fault)

    [text] = [text for text, ok in (await found(providers_file(tmp_path, fake))).items() if not ok]

    assert text.startswith("provider of acme: yousign at 127.0.0.1 can't be used: ")
    assert reason in text


async def test_a_missing_secret_fails_with_the_workspace_and_the_key(fake: FakeYousign, tmp_path: Path) -> None:
    file = providers_file(tmp_path, fake)
    (tmp_path / "webhook-secret").unlink()

    [text] = [text for text, ok in (await found(file)).items() if not ok]

    assert text.startswith(f"providers file {file}: [acme] webhook_secret_files: the file webhook-secret can't be read")
