"""GraphQL over server-sent events, in the mode "distinct connections": one HTTP connection for each operation.

Source: PROTOCOL.md of the npm package graphql-sse, 2.6; WHATWG HTML, 9.2.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, aclosing

import orjson
from starlette.types import Receive, Scope, Send

from domain.caller import Caller
from domain.errors import Unavailable
from gateway.callers.tokens import deadline
from gateway.errors import RequestRefused
from gateway.operations.live import Message
from gateway.process.drain import Drain

COMMENT_SECONDS = 12.0
RETRY_MILLISECONDS = 1500


class EventStream:
    """A response that sends one event for each message of an operation.

    When the operation is complete, the stream ends with the event `complete`. When the token expires, the process drains, or a subscription can't go
    on because MongoDB does not answer, the stream ends without `complete`, and clients connect again with the id of the last event.
    `place`: a context manager of `Admission` that counts the stream as an open connection. The stream enters it when it begins.
    """

    def __init__(self, messages: AsyncGenerator[Message, None], caller: Caller, drain: Drain, place: AbstractContextManager[object]) -> None:
        self._messages = messages
        self._caller = caller
        self._drain = drain
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._place:
            await self._stream(receive, send)

    async def _stream(self, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        draining = asyncio.Event()
        coroutines = (self._send_messages(send), self._send_heartbeats(send), _disconnected(receive), draining.wait(), _token_expired(self._caller))
        tasks = [asyncio.create_task(each) for each in coroutines]

        async def drain() -> None:
            draining.set()

        with self._drain.holding(drain):
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

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


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _token_expired(caller: Caller) -> None:
    left = deadline(caller)
    await asyncio.sleep(left - asyncio.get_running_loop().time()) if left is not None else await asyncio.Event().wait()
