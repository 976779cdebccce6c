"""Tests that webhooks are sent as Standard Webhooks requires, to a real receiver with faults."""

from datetime import UTC, datetime

import pytest
from pydantic import AnyHttpUrl, SecretStr

from domain.delivery import OutgoingWebhook, Receipt
from providers import backend
from providers.backend import opened_backend, signed_headers
from providers.file import Deliveries
from tests.fakes.receiver import CUT, RECEIVER_SECRET, Answer, receiving
from tests.processes.service import free_port

WEBHOOK = OutgoingWebhook("ver_1.2", {"type": "verification.created", "data": {"id": "ver_1", "version": 2, "reference": "Zoë"}})


async def receipt(answer: Answer) -> Receipt:
    """Send a webhook to a receiver that gives this answer. Returns the `Receipt`, which says how the gateway understood the answer."""
    async with receiving(lambda number, body: answer) as receiver, opened_backend() as sender:
        return await sender.send(receiver.section, WEBHOOK)


async def test_a_webhook_has_the_signature_and_the_headers_of_the_standard() -> None:
    async with receiving() as receiver, opened_backend() as sender:
        assert (await sender.send(receiver.section, WEBHOOK)).accepted
        [request] = receiver.requests

    assert request.id == WEBHOOK.id
    assert request.body == WEBHOOK.body
    assert request.headers["content-type"] == "application/json"
    assert abs(int(request.headers["webhook-timestamp"]) - datetime.now(UTC).timestamp()) < 60
    assert receiver.forged == []


def test_the_signature_is_that_of_the_specification() -> None:
    """The expected signature was computed with `openssl dgst -sha256 -mac HMAC` over `id.timestamp.body`."""
    at = datetime(2026, 3, 2, 12, tzinfo=UTC)

    headers = signed_headers(RECEIVER_SECRET, "ver_1.2", b"{}", at)

    assert headers["webhook-timestamp"] == "1772452800"
    assert headers["webhook-signature"] == "v1,auQJMAA4B3c+H55ObRDciKlbn4OJEE+Qi7DjCtSLOaY="


@pytest.mark.parametrize("status", [200, 204, 299])
async def test_a_success_is_accepted(status: int) -> None:
    assert await receipt(Answer(status)) == Receipt(status)


@pytest.mark.parametrize("status", [400, 401, 404, 410, 500, 503])
async def test_another_status_is_not_accepted(status: int) -> None:
    found = await receipt(Answer(status, body=b"a secret of the backend"))

    assert found == Receipt(status, "the response is not a success")
    assert not found.accepted


async def test_a_redirect_is_not_followed() -> None:
    async with receiving() as target:
        found = await receipt(Answer(307, extra=f"location: {target.url}\r\n"))
        assert target.requests == []

    assert found == Receipt(307, "a redirect, which is not followed")


async def test_a_cut_connection_is_a_failure_without_the_address() -> None:
    assert await receipt(CUT) == Receipt(None, "no response (RemoteProtocolError)")


async def test_a_backend_that_does_not_listen_is_a_failure_without_the_address() -> None:
    section = Deliveries(url=AnyHttpUrl(f"http://127.0.0.1:{free_port()}/hooks"), secret=SecretStr(RECEIVER_SECRET))
    async with opened_backend() as sender:
        assert await sender.send(section, WEBHOOK) == Receipt(None, "no response (ConnectError)")


async def test_a_slow_answer_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "TRY_SECONDS", 0.2)

    found = await receipt(Answer(delay_seconds=60))

    assert found == Receipt(None, "no response within 0 s")


async def test_a_long_body_is_not_read() -> None:
    assert await receipt(Answer(200, body=b"x" * 10_000_000)) == Receipt(200)
