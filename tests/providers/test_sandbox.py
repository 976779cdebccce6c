"""Tests of the sandbox's links: each is signed, is valid for one verification only, and stays valid while its key is configured."""

import re
from dataclasses import replace

import pytest

from domain.errors import InvalidInput
from domain.request import ExternalProvider
from domain.requirements import Requirements
from providers.port import Start
from providers.sandbox import Sandbox, signature
from tests.factories import REQUEST

KEY, OTHER_KEY = b"a key for tests", b"another key for tests"
ADDRESS = "https://gateway.example"


def sandbox(*keys: bytes, public_url: str = ADDRESS) -> Sandbox:
    """A sandbox with these keys. The first key signs."""
    return Sandbox(public_url, keys)


def test_a_signature_has_128_bits_in_hexadecimal_digits() -> None:
    assert re.fullmatch("[0-9a-f]{32}", signature(KEY, "acme", "ver_1"))


def test_a_sandbox_accepts_its_own_signature() -> None:
    assert sandbox(KEY).signed("acme", "ver_1", sandbox(KEY).signature("acme", "ver_1"))


@pytest.mark.parametrize(("workspace", "verification_id"), [("acme", "ver_2"), ("other", "ver_1"), ("acme/ver_1", ""), ("", "acme/ver_1")])
def test_a_signature_is_valid_for_its_verification_only(workspace: str, verification_id: str) -> None:
    assert not sandbox(KEY).signed(workspace, verification_id, sandbox(KEY).signature("acme", "ver_1"))


@pytest.mark.parametrize("candidate", ["", "0" * 32, "é", signature(KEY, "acme", "ver_1")[:-1], signature(KEY, "acme", "ver_1").upper()])
def test_any_other_text_is_not_a_valid_signature(candidate: str) -> None:
    assert not sandbox(KEY).signed("acme", "ver_1", candidate)


def test_the_first_key_signs_and_links_signed_with_other_keys_remain_valid() -> None:
    rotated, old = sandbox(OTHER_KEY, KEY), sandbox(KEY)

    assert rotated.signature("acme", "ver_1") == signature(OTHER_KEY, "acme", "ver_1")
    assert rotated.signed("acme", "ver_1", old.signature("acme", "ver_1"))
    assert not old.signed("acme", "ver_1", rotated.signature("acme", "ver_1"))


@pytest.mark.parametrize("public_url", [ADDRESS, f"{ADDRESS}/"])
async def test_a_started_verification_has_a_signed_link(public_url: str) -> None:
    provider = await sandbox(KEY, public_url=public_url).start(Start("acme", "ver_1", REQUEST, "https://shop.example/welcome"))

    assert (provider.name, provider.id) == ("sandbox", "ver_1")
    assert provider.url == f"{ADDRESS}/sandbox/acme/ver_1/{signature(KEY, 'acme', 'ver_1')}"


async def test_a_workspace_is_escaped_in_a_link() -> None:
    provider = await sandbox(KEY).start(Start("a/b c", "ver_1", REQUEST, "https://shop.example/welcome"))

    assert provider.url
    assert provider.url.startswith(f"{ADDRESS}/sandbox/a%2Fb%20c/ver_1/")


async def test_a_request_with_a_link_of_its_own_is_refused() -> None:
    with pytest.raises(InvalidInput, match="external is for the provider external only; this workspace has the provider sandbox") as refused:
        await sandbox(KEY).start(
            Start("acme", "ver_1", replace(REQUEST, external=ExternalProvider("https://provider.example")), "https://shop.example/welcome")
        )

    assert refused.value.field == "external"


async def test_requirements_are_accepted_and_have_no_effect() -> None:
    required = replace(REQUEST, requirements=Requirements(min_age=18))

    start = Start("acme", "ver_1", required, "https://shop.example/welcome")

    assert await sandbox(KEY).start(start) == await sandbox(KEY).start(replace(start, request=REQUEST))
