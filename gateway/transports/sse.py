"""GraphQL over server-sent events, in the mode "distinct connections": one HTTP connection for each operation.

Source: PROTOCOL.md of the npm package graphql-sse, 2.6; WHATWG HTML, 9.2.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, aclosing, nullcontext

import orjson
from starlette.types import Receive, Scope, Send

from domain.caller import Caller
from domain.errors import Unavailable
from gateway.callers.tokens import deadline
from gateway.errors import RequestRefused
from gateway.operations.live import Message
from gateway.process.drain import Drain
from gateway.transports.requests import CONNECTION_PLACE, HALF_CLOSED

# The interval at which a stream sends a comment. After the computer has slept, `web/client` gives up a stream that was silent for 15 seconds.
COMMENT_SECONDS = 12.0
# How long browsers wait before they connect again after the end of a stream.
RETRY_MILLISECONDS = 1500


class EventStream:
    """A response that sends one event for each message of an operation.

    When the operation is complete, the stream ends with the event `complete`. When the token expires, the process drains, or a subscription can't go
    on because MongoDB does not answer, the stream ends without `complete`, and clients connect again with the id of the last event.
    `place`: the context in which `Admission` and the metrics count the stream as open. The stream leaves this context when it ends.
    `is_single`: whether the operation has a single response, because it is no subscription. Such a stream is sent to its end even if the client has
    closed its sending side. Any other stream ends then.
    """

    def __init__(
        self, messages: AsyncGenerator[Message, None], caller: Caller, drain: Drain, place: AbstractContextManager[object], is_single: bool
    ) -> None:
        self._messages = messages
        self._caller = caller
        self._drain = drain
        self._place = place
        self._is_single = is_single

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no")]
        place = scope.get(CONNECTION_PLACE)
        with self._place, place.vacated() if place else nullcontext():
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            if scope["method"] != "HEAD":
                await self._stream(scope, receive, send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        draining = asyncio.Event()
        gone = self._client_gone(scope, receive)
        coroutines = (self._send_messages(send), self._send_heartbeats(send), gone, draining.wait(), _token_expired(self._caller))
        tasks = [asyncio.create_task(each) for each in coroutines]

        async def drain() -> None:
            draining.set()

        if self._drain.announced and not self._is_single:
            # The stream ends at once, because browsers don't connect again after an error status. After the end of a stream, they do.
            draining.set()
        with self._drain.holding(drain):
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _send_messages(self, send: Send) -> None:
        await _write(send, f"retry: {RETRY_MILLISECONDS}\n\n".encode())
        try:
            async with aclosing(self._messages) as messages:
                async for message in messages:
                    await _write(send, event_frame("next", message.content, message.event.mark if message.event else None))
                    # Free the memory of this message now. It may show personal data, and the next message may come much later.
                    del message
        except Unavailable:
            return
        except RequestRefused as refusal:
            await _write(send, event_frame("next", orjson.dumps({"errors": refusal.errors})))
        await _write(send, b"event: complete\ndata:\n\n")

    async def _client_gone(self, scope: Scope, receive: Receive) -> None:
        """Wait until the client has closed the connection. If the operation is a subscription, wait only until it has closed its sending side.

        `receive` returns in either case.
        """
        while self._is_single or not scope.get(HALF_CLOSED):
            if (await receive())["type"] == "http.disconnect":
                return

    async def _send_heartbeats(self, send: Send) -> None:
        while True:
            await asyncio.sleep(COMMENT_SECONDS)
            await _write(send, b":\n\n")


def event_frame(event: str, data: bytes, id: str | None = None) -> bytes:
    """One event of the stream, as it is sent. Lines end with LF, because some clients support no other line ending."""
    id_line = f"id: {id}\n".encode() if id else b""
    return b"event: %b\n%bdata: %b\n\n" % (event.encode(), id_line, data)


async def _write(send: Send, chunk: bytes) -> None:
    await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def _token_expired(caller: Caller) -> None:
    left = deadline(caller)
    await asyncio.sleep(left - asyncio.get_running_loop().time()) if left is not None else await asyncio.Event().wait()
