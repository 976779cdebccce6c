"""Tests of the adapter for Yousign, against a fake that is a real HTTP server."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInput, ProviderRefused
from domain.identity import DeclaredIdentity, DocumentType
from domain.request import ProviderReference, Request
from domain.requirements import Requirements
from domain.status import Status
from providers.file import YousignSection
from providers.port import Start
from providers.reports import AccessDenied, BadSignature, GoneAtProvider, ProviderAway, RawDocument, Report
from providers.yousign import DONE, SIGNATURE_HEADER, Yousign, webhook, webhook_signature
from tests.fakes.yousign import FakeYousign, Fault, fake_yousign

REQUEST = Request(DeclaredIdentity("Jeanne", "Moreau"), "https://company.example/welcome")
START = Start("acme", "ver_1", REQUEST, "https://company.example/done")
DOCUMENT = {
    "full_name": "Jeanne Moreau",
    "born_on": "1928-01-23",
    "type": "passport",
    "issuing_country_code": "FR",
    "national_identification_number": None,
}
PREVIOUS_ID = "1d0a3c56-51b2-4f7f-9d53-2f4f6d1a6b4e"
PATIENCE_SECONDS = 1.0


@pytest.fixture
async def fake() -> AsyncIterator[FakeYousign]:
    """A running fake of Yousign."""
    async with fake_yousign() as running:
        running.late_seconds = 2 * PATIENCE_SECONDS
        yield running


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    """The HTTP client of the adapter. It waits only briefly for an answer."""
    async with httpx2.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as opened:
        yield opened


@pytest.fixture
def observed() -> list[tuple[str, str]]:
    """The list to which the adapter adds the operation and the outcome of each request that it has sent."""
    return []


@pytest.fixture
def yousign(fake: FakeYousign, client: httpx2.AsyncClient, observed: list[tuple[str, str]]) -> Yousign:
    """The adapter, configured for the fake."""
    return Yousign(client, section(fake), lambda operation, outcome, seconds: observed.append((operation, outcome)))


def section(fake: FakeYousign, **changed: Any) -> YousignSection:
    """A section of a providers file that chooses the fake as the provider."""
    values = {"provider": "yousign", "base_url": f"{fake.url}/v3", "api_key": fake.api_key, "webhook_secrets": [fake.secret], **changed}
    return YousignSection.model_validate(values)


async def test_a_verification_is_created_with_its_link(yousign: Yousign, fake: FakeYousign, observed: list[tuple[str, str]]) -> None:
    provider = await yousign.start(START)

    assert provider.id in fake.videos
    assert (provider.name, provider.url) == ("yousign", fake.videos[provider.id]["verification_url"])
    assert fake.bodies[provider.id] == {
        "first_name": "Jeanne",
        "last_name": "Moreau",
        "redirection_url": "https://company.example/done",
        "face_recognition": False,
    }
    assert observed == [("create", "done")]


async def test_requirements_and_the_previous_attempt_are_sent(fake: FakeYousign, client: httpx2.AsyncClient) -> None:
    workspace_id = "9d1b1e0c-0d5c-4dfc-8b5a-0a3c8f2f8e55"
    yousign = Yousign(client, section(fake, workspace_id=workspace_id), lambda *_: None)
    wanted = Requirements(18, 65, ("RU", "KP"), DocumentType.PASSPORT, "DE", "FR", "de")

    provider = await yousign.start(
        replace(START, request=replace(REQUEST, requirements=wanted, face_recognition=True), previous=ProviderReference("yousign", PREVIOUS_ID, None))
    )

    assert fake.bodies[provider.id or ""] == {
        "first_name": "Jeanne",
        "last_name": "Moreau",
        "redirection_url": "https://company.example/done",
        "face_recognition": True,
        "workspace_id": workspace_id,
        "previous_attempt_id": PREVIOUS_ID,
        "min_age": 18,
        "max_age": 65,
        "prohibited_countries": ["RU", "KP"],
        "pre_selected_residence_country_code": "FR",
        "pre_selected_document_issuing_country_code": "DE",
        "pre_selected_document_type": "passport",
        "pre_selected_locale": "de",
    }


async def test_a_name_that_is_not_accepted_is_refused_before_anything_is_sent(yousign: Yousign, fake: FakeYousign) -> None:
    with pytest.raises(InvalidInput) as refused:
        await yousign.start(replace(START, request=replace(REQUEST, declared=DeclaredIdentity("Jeanne", "Мороз"))))

    assert refused.value.field == "lastName"
    assert fake.requests == []


async def test_a_refusal_has_the_words_of_the_provider_and_our_field(yousign: Yousign, observed: list[tuple[str, str]]) -> None:
    with pytest.raises(ProviderRefused) as refused:
        await yousign.start(replace(START, request=replace(REQUEST, requirements=Requirements(min_age=130))))

    assert (refused.value.field, str(refused.value)) == ("requirements.minAge", "min_age: This value should be less than or equal to 120.")
    assert observed == [("create", "refused")]


@pytest.mark.parametrize(
    ("fault", "maybe_executed", "outcome"),
    [
        (Fault.LATE, True, "away"),
        (Fault.CUT, True, "away"),
        (Fault.BAD_BODY, True, "done"),
        (Fault.BAD_SHAPE, True, "done"),
        (Fault.ERROR, False, "away"),
        (Fault.AWAY, False, "away"),
        (Fault.LIMITED, False, "limited"),
    ],
)
async def test_a_creation_that_fails_tells_whether_it_may_have_been_executed(
    yousign: Yousign, fake: FakeYousign, observed: list[tuple[str, str]], fault: Fault, maybe_executed: bool, outcome: str
) -> None:
    fake.order("POST", fault)

    with pytest.raises(ProviderAway) as away:
        await yousign.start(START)

    assert away.value.maybe_executed is maybe_executed
    assert observed == [("create", outcome)]
    assert fake.api_key not in str(away.value)


async def test_a_slow_answer_is_waited_for(yousign: Yousign, fake: FakeYousign) -> None:
    fake.order("POST", Fault.SLOW)

    assert (await yousign.start(START)).id in fake.videos


async def test_no_connection_means_that_nothing_was_executed(client: httpx2.AsyncClient, fake: FakeYousign) -> None:
    nowhere = Yousign(client, section(fake, base_url="http://127.0.0.1:1/v3"), lambda *_: None)

    with pytest.raises(ProviderAway) as away:
        await nowhere.start(START)

    assert not away.value.maybe_executed


async def test_the_provider_may_demand_to_wait(yousign: Yousign, fake: FakeYousign) -> None:
    fake.order("GET", Fault.LIMITED)

    with pytest.raises(ProviderAway) as away:
        await yousign.read("any")

    assert away.value.retry_after_seconds == 1
    assert yousign.limits.remaining == 0


async def test_a_wrong_key_is_reported_as_such(fake: FakeYousign, client: httpx2.AsyncClient) -> None:
    yousign = Yousign(client, section(fake, api_key="another-api-key"), lambda *_: None)

    with pytest.raises(AccessDenied):
        await yousign.start(START)
    with pytest.raises(AccessDenied):
        await yousign.read("any")


async def test_the_remaining_requests_are_read_from_either_family_of_headers(yousign: Yousign, fake: FakeYousign) -> None:
    fake.headers = {"x-ratelimit-remaining-minute": "17", "x-ratelimit-remaining-hour": "112"}

    await yousign.start(START)

    assert yousign.limits.remaining == 17


async def test_reading_shows_the_outcome_and_the_document(yousign: Yousign, fake: FakeYousign) -> None:
    id = (await yousign.start(START)).id or ""

    before = await yousign.read(id)
    fake.decide(id, "verified", document=DOCUMENT)
    after = await yousign.read(id)

    assert before == Report(Status.PENDING, ())
    assert after == Report(Status.VERIFIED, (), RawDocument("Jeanne Moreau", "1928-01-23", "passport", "FR", None))


async def test_a_verification_that_the_provider_no_longer_has_is_reported_as_such(yousign: Yousign) -> None:
    with pytest.raises(GoneAtProvider):
        await yousign.read("5f0c7e43-9d7f-4d6c-9d4c-000000000000")


@pytest.mark.parametrize("fault", [Fault.BAD_BODY, Fault.BAD_SHAPE, Fault.ERROR, Fault.CUT, Fault.LATE])
async def test_a_read_that_fails_may_be_repeated(yousign: Yousign, fake: FakeYousign, fault: Fault) -> None:
    id = (await yousign.start(START)).id or ""
    fake.order("GET", fault)

    with pytest.raises(ProviderAway):
        await yousign.read(id)
    assert (await yousign.read(id)).status is Status.PENDING


async def test_a_webhook_announces_an_outcome(yousign: Yousign, fake: FakeYousign) -> None:
    id = (await yousign.start(START)).id or ""
    fake.decide(id, "failed", ["IDVV_2101", "IDVV_9999"], DOCUMENT)

    understood = yousign.understand(*fake.webhook(id, "event-1"))

    assert (understood.event_id, understood.event_name, understood.provider_id, understood.sandbox) == ("event-1", DONE, id, True)
    assert understood.report == Report(Status.FAILED, ("IDVV_2101", "IDVV_9999"))


async def test_any_of_the_secrets_may_sign_a_webhook(fake: FakeYousign, client: httpx2.AsyncClient) -> None:
    both = Yousign(client, section(fake, webhook_secrets=["the-new-secret", fake.secret]), lambda *_: None)

    assert both.understand(b"{}", fake.signed(b"{}")).report is None


@pytest.mark.parametrize("header", [None, "", "sha256=", "sha256=" + "0" * 64, "é", "another"])
async def test_a_webhook_with_another_signature_is_refused(yousign: Yousign, header: str | None) -> None:
    with pytest.raises(BadSignature):
        yousign.understand(b"{}", {} if header is None else {SIGNATURE_HEADER: header})


async def test_a_webhook_with_one_byte_changed_is_refused(yousign: Yousign, fake: FakeYousign) -> None:
    id = (await yousign.start(START)).id or ""
    content, headers = fake.webhook(id)

    for at in range(0, len(content), 7):
        with pytest.raises(BadSignature):
            yousign.understand(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :], headers)


@pytest.mark.parametrize("status", ["pending", "approved", None, 7])
async def test_a_webhook_without_a_final_status_announces_nothing(yousign: Yousign, fake: FakeYousign, status: object) -> None:
    id = (await yousign.start(START)).id or ""
    fake.videos[id]["status"] = status

    assert yousign.understand(*fake.webhook(id)).report is None


async def test_an_event_of_another_kind_announces_nothing(yousign: Yousign, fake: FakeYousign) -> None:
    id = (await yousign.start(START)).id or ""
    fake.decide(id, "verified")

    assert yousign.understand(*fake.webhook(id, event_name="signature_request.done")).report is None


def test_repetitions_of_an_event_without_an_id_have_the_same_id() -> None:
    assert webhook(b'{"a": 1}').event_id == webhook(b'{"a": 1}').event_id != webhook(b'{"a": 2}').event_id


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(
                ["event_id", "event_name", "data", "identity_video", "id", "status", "status_codes", "extracted_from_document", "full_name"]
            ),
            inner,
        )
    ),
    max_leaves=20,
)


@given(json_values)
def test_any_signed_body_is_understood(value: Any) -> None:
    assert webhook(httpx2.Request("POST", "http://x", json=value).content).event_id


@given(st.binary(max_size=100))
def test_any_signed_bytes_are_understood(content: bytes) -> None:
    assert webhook(content).report is None


def test_a_signature_is_the_hmac_of_the_body_in_hexadecimal_digits() -> None:
    assert (
        webhook_signature("key", b"The quick brown fox jumps over the lazy dog")
        == b"sha256=f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"
    )
