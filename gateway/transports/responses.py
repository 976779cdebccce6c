"""Responses that are ready, and sent in one piece."""

from http import HTTPStatus

from starlette.types import Receive, Scope, Send

Header = tuple[bytes, bytes]

STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}


class Answer:
    """A response to a request, or to a WebSocket's handshake."""

    __slots__ = ("content", "headers", "status")

    def __init__(self, status: int, headers: list[Header], content: bytes) -> None:
        self.status = status
        self.headers = headers
        self.content = content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = "websocket.http" if scope["type"] == "websocket" else "http"
        await send({"type": f"{kind}.response.start", "status": self.status, "headers": self.headers})
        await send({"type": f"{kind}.response.body", "body": self.content})


def sized(status: int, media_type: str, content: bytes) -> Answer:
    """A response that says what it holds, and how much."""
    return Answer(status, [(b"content-type", media_type.encode()), (b"content-length", b"%d" % len(content))], content)
