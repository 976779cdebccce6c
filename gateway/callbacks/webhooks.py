"""The endpoint to which providers send their webhooks."""

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from domain.errors import NoProvider, Unavailable
from gateway.errors import RequestRefused, unexpected
from gateway.transports.http import RETRY_SECONDS, body
from gateway.transports.requests import request_id
from lifecycle.intake import Intake
from providers.reports import BadSignature

WEBHOOKS_PATH = "/webhooks/{workspace}"
MAX_WEBHOOK_BYTES = 64 * 1024
# How many webhooks are received at the same time. A body must be read before its signature can be checked, so anyone can send bodies. The number
# limits the memory that these bodies take.
MAX_OPEN_WEBHOOKS = 500


def webhook_routes(intake: Intake) -> list[Route]:
    """The route of the endpoint, for the application."""
    return [Route(WEBHOOKS_PATH, Webhooks(intake).answer, methods=["POST"])]


class Webhooks:
    """Receives webhooks. The signature is the only proof of their sender: no token is read, and no rate of a caller applies."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._open = 0

    async def answer(self, request: Request) -> Response:
        """Receive a webhook. 200 means that it is recorded. After any other status, the provider sends it again."""
        if self._open >= MAX_OPEN_WEBHOOKS:
            return later("too many webhooks at once")
        self._open += 1
        try:
            return await self._received(request)
        except NoProvider:
            return answered_with(404, "no webhooks are expected here")
        except BadSignature:
            return answered_with(401, "the signature is missing or wrong")
        except RequestRefused as refusal:
            return answered_with(refusal.status, refusal.errors[0]["message"])
        except Unavailable:
            return later("the webhook could not be recorded")
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception as cause:  # The edge of the process: no error may reach the provider.
            unexpected(cause, request_id(request))
            return answered_with(500, "something unexpected went wrong")
        finally:
            self._open -= 1

    async def _received(self, request: Request) -> Response:
        workspace = request.path_params["workspace"]
        self._intake.sender(workspace)
        content = await body(request.headers.get("content-length", "0"), request.receive, MAX_WEBHOOK_BYTES)
        await self._intake.receive(workspace, bytes(content), request.headers)
        return answered_with(200, "recorded")


def answered_with(status: int, text: str) -> Response:
    """A response with a text for the people who read the provider's log."""
    return PlainTextResponse(f"{text}\n", status)


def later(text: str) -> Response:
    """The response that makes the provider send the webhook again."""
    return PlainTextResponse(f"{text}; send it again\n", 503, {"retry-after": RETRY_SECONDS})
