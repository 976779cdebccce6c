"""The tokens of observed links: each names one verification, is valid for one kind of link only, and can't be changed."""

from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from domain.event import Actor
from domain.request import ProviderReference
from domain.verification import Verification
from lifecycle.observed_links import LinkTokens, NamedVerification, ObservedLinks
from tests.factories import NOON, VERIFIED_RESULT, a_verification

KEY, EARLIER_KEY = "a key of the gateway, 32 characters", "the key before the last rotation, 32"
ID = f"ver_{'0123456789abcdef' * 2}"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
PROVIDERS_URL = "https://provider.example/s/1"


def links(*keys: str) -> ObservedLinks:
    return ObservedLinks("https://gateway.example/", keys or (KEY,))


def a_verification_at(provider: str, workspace: str = "acme") -> Verification:
    return a_verification(id=ID, workspace=workspace, provider=ProviderReference(provider, "s-1", PROVIDERS_URL))


@pytest.mark.parametrize("workspace", ["a", "acme", "A.b-c_9.", "x" * 64])
def test_a_token_names_the_verification_for_which_it_was_made(workspace: str) -> None:
    tokens = LinkTokens("start", [KEY])

    assert tokens.read(tokens.token(workspace, ID)) == NamedVerification(workspace, ID)


def test_links_are_short_and_end_with_a_letter() -> None:
    for url in (links().start_url("x" * 64, ID), links().return_url("x" * 64, ID)):
        assert len(url) <= len("https://gateway.example") + 120
        assert url[-1].isalpha()
    assert urlsplit(links().start_url("acme", ID)).path.startswith("/v/acme.")
    assert urlsplit(links().return_url("acme", ID)).path.startswith("/r/acme.")


def test_a_token_with_any_character_changed_left_out_or_added_is_not_valid() -> None:
    tokens = LinkTokens("start", [KEY])
    token = tokens.token("acme", ID)

    changed = {token[:at] + other + token[at + 1 :] for at in range(len(token)) for other in [*ALPHABET, ".", "", "é", "\n", "="]} - {token}
    longer = {token[:at] + other + token[at:] for at in range(len(token) + 1) for other in "A.-=\n"}

    assert len(changed) > 3000
    assert [each for each in {*changed, *longer, "", token * 2} if tokens.read(each)] == []


def test_the_tokens_of_the_two_links_have_nothing_in_common_but_the_verification() -> None:
    start, back = links().starts.token("acme", ID), links().returns.token("acme", ID)

    assert start[:-22] == back[:-22]
    assert start[-22:] != back[-22:]
    assert links().starts.read(back) is None
    assert links().returns.read(start) is None


def test_a_signature_is_valid_for_one_verification_in_one_workspace_only() -> None:
    other = f"ver_{'f' * 32}"
    tokens = LinkTokens("start", [KEY])
    signature = tokens.token("acme", ID)[-22:]

    assert tokens.read(tokens.token("acme", other)[:-22] + signature) is None
    assert tokens.read(tokens.token("acm", ID)[:-22] + signature) is None
    assert tokens.read(tokens.token("acme.", ID)[:-22] + signature) is None


def test_the_previous_key_verifies_and_signs_no_new_links() -> None:
    before, during, after = links(EARLIER_KEY), links(KEY, EARLIER_KEY), links(KEY)
    old, new = before.starts.token("acme", ID), during.starts.token("acme", ID)

    assert during.starts.read(old) == during.starts.read(new) == NamedVerification("acme", ID)
    assert new == after.starts.token("acme", ID)
    assert before.starts.read(new) is None
    assert after.starts.read(old) is None


@pytest.mark.parametrize("id", ["ver_1", "ver_" + "A" * 32, "ver_" + "0" * 33, " " + ID, ID + "\n", ""])
def test_an_id_of_another_form_has_no_token_and_keeps_the_providers_url(id: str) -> None:
    with pytest.raises(ValueError, match="is not an id of the gateway's"):
        links().start_url("acme", id)

    verification = replace(a_verification_at("external"), id=id)
    assert links().verification_url(verification) == PROVIDERS_URL
    assert links().redirection_url(verification) == verification.redirection_url


@pytest.mark.parametrize(("provider", "observed"), [("yousign", True), ("external", True), ("sandbox", False), ("another", False), ("", False)])
def test_links_are_observed_by_default_at_providers_that_may_report_the_end_only(provider: str, observed: bool) -> None:
    verification = a_verification_at(provider)

    shown, back = links().verification_url(verification), links().redirection_url(verification)

    assert (shown == links().start_url("acme", ID), shown == PROVIDERS_URL) == (observed, not observed)
    assert (back == links().return_url("acme", ID), back == verification.redirection_url) == (observed, not observed)


def test_a_workspace_that_turns_links_off_hands_out_none_and_its_earlier_tokens_stay_valid() -> None:
    off = ObservedLinks("https://gateway.example", [KEY], unobserved=["acme"])
    mine, theirs = a_verification_at("yousign"), a_verification_at("yousign", workspace="other")

    assert off.verification_url(mine) == PROVIDERS_URL
    assert off.redirection_url(mine) == mine.redirection_url
    assert off.verification_url(theirs) == links().start_url("other", ID)
    assert off.starts.read(links().starts.token("acme", ID)) == NamedVerification("acme", ID)
    off.unobserved = frozenset()
    assert off.verification_url(mine) == links().start_url("acme", ID)


def test_there_is_no_link_without_a_providers_url_and_none_once_the_status_is_final() -> None:
    pending = a_verification_at("yousign")

    assert links().verification_url(replace(pending, provider=ProviderReference("yousign", None, None))) is None
    final = pending.concluded(VERIFIED_RESULT, NOON)
    assert links().verification_url(final) is None
    assert links().verification_url(final.anonymized(Actor.SYSTEM, NOON)) is None
