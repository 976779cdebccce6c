"""Responses without a length, such as event streams, over HTTP/1.0. They have no chunks, and end where the connection closes."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

CONTENT_LENGTH = b"content-length"


def unchunked(cycle: RequestResponseCycle, app: ASGIApp) -> ASGIApp:
    """An application whose responses without `Content-Length` are sent without chunks. `cycle`: the request, which is in HTTP/1.0.

    If a response has `Content-Length`, uvicorn sets two attributes of `cycle`, and sends no chunks. For other responses, this application sets them
    to the same effect, before it passes on each message.
    Source: RFC 9112, 6.1.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        has_length = True

        async def sending(message: Message) -> None:
            nonlocal has_length
            if message["type"] == "http.response.start":
                has_length = any(name.lower() == CONTENT_LENGTH for name, _ in message.get("headers", ()))
                if not has_length:
                    cycle.chunked_encoding = False
            elif not has_length:
                cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        await app(scope, receive, sending)

    return answer
