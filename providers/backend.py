"""Sends webhooks to the integrator's backend, in the form of Standard Webhooks.

Source: the specification "Standard Webhooks", version 1.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import httpx2
import orjson
from standardwebhooks.webhooks import Webhook

from domain.delivery import OutgoingWebhook, Receipt
from providers.file import Deliveries

# How long the backend may take to accept a webhook.
TRY_SECONDS = 10.0
# How much of a response is read, and for how long. The response is read only so that its connection can be used again: its content does not matter.
MAX_RESPONSE_BYTES = 4096
RESPONSE_SECONDS = 1.0


@asynccontextmanager
async def opened_backend(make: Callable[..., httpx2.AsyncClient] = httpx2.AsyncClient) -> AsyncIterator["Backend"]:
    """A context in which webhooks can be sent. `make`: creates an HTTP client.

    The number of connections is not limited: with a limit, the backend of one workspace could occupy all of them by being slow. The number of
    webhooks that are sent at a time is limited for each workspace instead.
    """
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=50)
    headers = {"user-agent": "verification-gateway"}
    async with make(timeout=TRY_SECONDS, limits=limits, follow_redirects=False, headers=headers) as client:
        yield Backend(client)


class Backend:
    """Sends webhooks to the integrators' backends with one HTTP client."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client

    async def send(self, section: Deliveries, webhook: OutgoingWebhook) -> Receipt:
        """Send a webhook once. The webhook counts as accepted if a response with a status from 200 to 299 arrives within TRY_SECONDS."""
        content = orjson.dumps(webhook.body)
        headers = {"content-type": "application/json", **signed_headers(section.secret.get_secret_value(), webhook.id, content, datetime.now(UTC))}
        try:
            async with asyncio.timeout(TRY_SECONDS):
                return await self._sent(str(section.url), content, headers)
        except (TimeoutError, httpx2.TimeoutException):
            return Receipt(None, f"no response within {TRY_SECONDS:.0f} s")
        except httpx2.HTTPError as error:
            # The message of the error is left out, because it can contain the address.
            return Receipt(None, f"no response ({type(error).__name__})")

    async def _sent(self, url: str, content: bytes, headers: dict[str, str]) -> Receipt:
        async with self._client.stream("POST", url, content=content, headers=headers) as response:
            status = response.status_code
            await read_a_little(response)
        if 200 <= status < 300:
            return Receipt(status)
        return Receipt(status, "a redirect, which is not followed" if 300 <= status < 400 else "the response is not a success")


def signed_headers(secret: str, id: str, content: bytes, at: datetime) -> dict[str, str]:
    """The headers of Standard Webhooks for this content. `at`: the present time in UTC; receivers refuse a webhook whose time is long past."""
    signature = Webhook(secret).sign(id, at, content.decode())
    return {"webhook-id": id, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}


async def read_a_little(response: httpx2.Response) -> None:
    """Read the body of a response, without decompressing it, up to MAX_RESPONSE_BYTES. A body that is late or ends early is not an error."""
    size = 0
    with suppress(httpx2.TransportError, TimeoutError):
        async with asyncio.timeout(RESPONSE_SECONDS):
            async for part in response.aiter_raw():
                size += len(part)
                if size > MAX_RESPONSE_BYTES:
                    return
