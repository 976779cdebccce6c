"""GraphQL over WebSocket, with the subprotocol graphql-transport-ws.

Source: PROTOCOL.md of the npm package graphql-ws, 6.4.
"""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing, contextmanager, suppress
from enum import IntEnum
from typing import Any, Protocol

import orjson
from graphql import OperationType
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from domain.caller import Caller
from domain.errors import Unavailable
from gateway.callers.admission import Admission, Crowded
from gateway.callers.charging import Charging
from gateway.callers.keys import KeysUnavailable
from gateway.callers.tokens import Tokens, Unauthenticated, deadline
from gateway.errors import Formatted, RequestRefused, log_failure, unexpected
from gateway.operations.documents import Operation
from gateway.operations.execution import Execution
from gateway.operations.live import Live
from gateway.operations.operation_request import OperationRequest, from_fields
from gateway.process.drain import Drain
from gateway.process.metrics import Metrics
from gateway.transports.credentials import AUTHORIZATION, SeveralCredentials, socket_authorization
from gateway.transports.json_content import TooDeep, has_too_many_values, parse_json
from gateway.transports.requests import client_address, request_id
from gateway.transports.responses import sized

SUBPROTOCOL = "graphql-transport-ws"
# How long a client may take to send connection_init, and how many operations may be under way on one socket.
INIT_SECONDS = 5.0
MAX_OPERATIONS = 100
# The maximum length of connection_init, which is enough for the longest tokens, and how many characters of it may begin or separate values.
MAX_INIT_CHARACTERS = 32_768
MAX_INIT_MARKS = 500
# Before connection_init, messages are compared with these texts and not parsed, because parsing takes time, and the client has shown no token yet.
PLAIN_PING = '{"type":"ping"}'
PLAIN_PONG = '{"type":"pong"}'
INIT_NAME, SUBSCRIBE_NAME = '"connection_init"', '"subscribe"'
PONG = PLAIN_PONG.encode()
# How many pings and pongs a client may send before connection_init. They must not have a payload.
MAX_PINGS_BEFORE_INIT = 10
# The maximum length of a ping or pong. After connection_init, it may have a payload of at most 1 kB.
MAX_PING_CHARACTERS = 1100
# The response to a WebSocket handshake while the process is about to end.
ENDING = sized(503, "text/plain; charset=utf-8", b"the process is about to end; connect again\n", [(b"retry-after", b"1")])
# The name of the ASGI extension under which the scope of a WebSocket holds its connection, as a `Frames`.
FRAMES = "gateway.frames"


class Frames(Protocol):
    """A port that sends encoded texts, each in one frame. A text may be given in several parts. `WebSocketProtocol` implements this port."""

    async def write(self, *parts: bytes) -> None:
        """Send a text, given in parts. Raises: OSError if the socket is closed."""

    def deliver(self, *parts: bytes) -> bool:
        """Send a text, given in parts, without waiting. Returns whether the text was sent."""


class Outgoing:
    """Sends the messages of one subscription. It puts the beginning, which contains the subscription's id, and the end around each content."""

    __slots__ = ("_beginning", "_frames")

    def __init__(self, frames: Frames, id: str) -> None:
        self._frames = frames
        self._beginning = b'{"type":"next","id":%b,"payload":' % orjson.dumps(id)

    async def write(self, content: bytes) -> None:
        """Send a message with this content. Raises: WebSocketDisconnect if the socket is closed."""
        try:
            await self._frames.write(self._beginning, content, b"}")
        except OSError:
            raise WebSocketDisconnect from None

    def deliver(self, content: bytes) -> bool:
        """Send a message with this content without waiting. Returns whether the message was sent."""
        return self._frames.deliver(self._beginning, content, b"}")


class Close(IntEnum):
    """The codes with which the gateway closes sockets. Clients connect again after 1012, 1013, 4403 and 4408, but not after the other codes."""

    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    BAD_MESSAGE = 4400
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    SUBPROTOCOL_NOT_ACCEPTABLE = 4406
    INIT_TIMEOUT = 4408
    SUBSCRIBER_EXISTS = 4409
    TOO_MANY_INITS = 4429


class Closing(Exception):
    """Raised to close the socket with a close code and a reason."""

    def __init__(self, code: Close, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class GraphQLOverWebSocket:
    """The endpoint `/graphql` for WebSockets: accepts sockets, and serves each as a `Connection`."""

    def __init__(
        self, execution: Execution, live: Live, tokens: Tokens, metrics: Metrics, drain: Drain, admission: Admission, charging: Charging
    ) -> None:
        self._execution = execution
        self._live = live
        self._tokens = tokens
        self._metrics = metrics
        self._drain = drain
        self._admission = admission
        self._charging = charging

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.serve(WebSocket(scope, receive, send))

    async def serve(self, socket: WebSocket) -> None:
        """Serve one socket until the client or the gateway closes it."""
        if SUBPROTOCOL not in socket.scope["subprotocols"]:
            self._charging.charge_address(client_address(socket))
            await socket.accept()
            self._metrics.count_close(Close.SUBPROTOCOL_NOT_ACCEPTABLE)
            return await socket.close(Close.SUBPROTOCOL_NOT_ACCEPTABLE, f"subprotocol {SUBPROTOCOL} is needed")
        if self._drain.announced:
            # Refuse the handshake instead of accepting the socket and closing it at once: a proxy can then send the handshake to another process.
            return await ENDING(socket.scope, socket.receive, socket.send)
        await socket.accept(SUBPROTOCOL)
        connection = Connection(socket, self._execution, self._live, self._tokens, self._metrics, self._admission, self._charging)
        try:
            with connection.place, self._metrics.sockets.track_inprogress(), self._drain.holding(connection.drain):
                await connection.run()
        except Crowded as crowded:
            await connection.close(Close.TRY_AGAIN_LATER, str(crowded))
        except Closing as closing:
            if closing.code is not Close.TRY_AGAIN_LATER:
                connection.charge_address()
            await connection.close(closing.code, closing.reason)
        except WebSocketDisconnect:
            connection.charge_address()
        return None


class Connection:
    """One socket, with its caller and its running operations. `place`: a context manager of `Admission` that counts the socket as open."""

    __slots__ = (
        "_admission",
        "_answering",
        "_caller",
        "_charging",
        "_execution",
        "_frames",
        "_live",
        "_metrics",
        "_operations",
        "_socket",
        "_tokens",
        "place",
    )

    def __init__(
        self, socket: WebSocket, execution: Execution, live: Live, tokens: Tokens, metrics: Metrics, admission: Admission, charging: Charging
    ) -> None:
        self._socket = socket
        self._frames: Frames = socket.scope["extensions"][FRAMES]
        self._live = live
        self._execution = execution
        self._tokens = tokens
        self._metrics = metrics
        self._admission = admission
        self._charging = charging
        # Sockets whose client has not sent a valid connection_init yet have separate limits.
        self.place = admission.arriving(client_address(socket))
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._caller: Caller | None = None

    async def run(self) -> None:
        """Read messages until the socket closes. Raises: Closing, Crowded, WebSocketDisconnect."""
        try:
            async with asyncio.timeout(INIT_SECONDS) as timeout:
                caller = self._caller = await self._introduced()
                timeout.reschedule(deadline(caller))
                await self._send({"type": "connection_ack"})
                while True:
                    await self._dispatch(self._parsed(await self._received(), caller), caller)
        except TimeoutError:
            if self._caller:
                raise Closing(Close.FORBIDDEN, "the token has expired") from None
            raise Closing(Close.INIT_TIMEOUT, "no connection_init in time") from None
        finally:
            await self._end_operations()

    async def _end_operations(self) -> None:
        """End the operations one after the other.

        A subscription that resumes holds a page of rows. If a hundred such pages were freed in one turn of the event loop, all other clients would
        wait.
        """
        try:
            while self._operations:
                _, task = self._operations.popitem()
                task.cancel()
                await asyncio.wait([task])
                # A task refers to its last exception, and so to the rows.
                del task
        finally:
            # If this method is itself cancelled, it cancels all remaining operations at once.
            for task in self._operations.values():
                task.cancel()

    def charge_address(self) -> None:
        """Charge the client's address for this socket, if it ended before a token was verified."""
        if not self._caller:
            self._charging.charge_address(client_address(self._socket))

    async def _introduced(self) -> Caller:
        """Read messages until connection_init, the only one that is parsed. Returns the caller with its token. Raises: Closing, Crowded."""
        text = await self._received()
        for _ in range(MAX_PINGS_BEFORE_INIT):
            if (compact := text[:MAX_PING_CHARACTERS].replace(" ", "")) not in (PLAIN_PING, PLAIN_PONG):
                break
            if compact == PLAIN_PING:
                await self._write(PONG)
            text = await self._received()
        if SUBSCRIBE_NAME in text and INIT_NAME not in text:
            raise Closing(Close.UNAUTHORIZED, "connection_init must come first")
        if INIT_NAME not in text or len(text) > MAX_INIT_CHARACTERS or has_too_many_values(text, MAX_INIT_MARKS):
            raise Closing(Close.BAD_MESSAGE, "connection_init must come first, and be short")
        try:
            message = parse_json(text)
        except (orjson.JSONDecodeError, TooDeep):
            raise Closing(Close.BAD_MESSAGE, "not JSON, or too deep") from None
        payload = message.get("payload") if isinstance(message, dict) and message.get("type") == "connection_init" else []
        if not isinstance(payload, dict | None):
            raise Closing(Close.BAD_MESSAGE, "connection_init must come first, with an object as its payload")
        caller = await self._verified(payload or {})
        self.place.become(self._admission.introduced(client_address(self._socket), caller))
        return caller

    async def _verified(self, payload: dict[str, Any]) -> Caller:
        try:
            authorization = socket_authorization(payload, self._socket.headers.get(AUTHORIZATION)) or ""
        except SeveralCredentials:
            raise Closing(Close.BAD_MESSAGE, "send one authorization") from None
        if caller := self._tokens.verified(authorization):
            return caller
        try:
            self._charging.check_address(client_address(self._socket))
            return await self._tokens.caller(authorization)
        except RequestRefused as limited:
            raise Closing(Close.TRY_AGAIN_LATER, limited.errors[0]["message"]) from None
        except Unauthenticated:
            raise Closing(Close.FORBIDDEN, "a valid token is needed: connectionParams { authorization: 'Bearer …' }") from None
        except KeysUnavailable:
            raise Closing(Close.TRY_AGAIN_LATER, "tokens can't be verified at the moment") from None

    async def _dispatch(self, message: dict[str, Any], caller: Caller) -> None:
        if message.get("type") != "subscribe":
            # Only messages of other types are paid for here: the cost of an operation includes the message that starts it.
            await self._charging.pay_message(caller)
        match message:
            case {"type": "connection_init" | "ping" | "pong", "payload": payload} if not isinstance(payload, dict | None):
                raise Closing(Close.BAD_MESSAGE, "a payload is an object")
            case {"type": "connection_init"}:
                raise Closing(Close.TOO_MANY_INITS, "connection_init was sent already")
            case {"type": "subscribe", "id": str(id), "payload": dict() | TooDeep() as payload} if id:
                await self._subscribe(id, payload, caller)
            case {"type": "ping"}:
                await self._send({"type": "pong", **({"payload": message["payload"]} if "payload" in message else {})})
            case {"type": "pong"}:
                pass
            case {"type": "complete", "id": str(id)}:
                if task := self._operations.pop(id, None):
                    task.cancel()
            case _:
                raise Closing(Close.BAD_MESSAGE, "not a message of this protocol")

    async def _subscribe(self, id: str, payload: dict[str, Any] | TooDeep, caller: Caller) -> None:
        try:
            request = payload if isinstance(payload, TooDeep) else from_fields(payload)
        except RequestRefused as malformed:
            raise Closing(Close.BAD_MESSAGE, malformed.errors[0]["message"]) from None
        if id in self._operations:
            raise Closing(Close.SUBSCRIBER_EXISTS, f"an operation {id[:40]} is under way already")
        if len(self._operations) >= MAX_OPERATIONS:
            raise Closing(Close.TRY_AGAIN_LATER, f"at most {MAX_OPERATIONS} operations at a time")
        task = self._operations[id] = asyncio.create_task(self._operate(id, request, caller))
        task.add_done_callback(lambda done: self._operations.get(id) is done and self._operations.pop(id))

    async def _operate(self, id: str, request: OperationRequest | TooDeep, caller: Caller) -> None:
        try:
            if isinstance(request, TooDeep):
                raise request
            operation = self._execution.operation(request, caller, request_id(self._socket))
            await self._answer(id, operation, caller)
        except RequestRefused as refusal:
            self._metrics.count_errors(refusal.errors)
            await self._end(id, {"type": "error", "id": id, "payload": refusal.errors})
        except Unavailable as unavailable:
            log_failure(unavailable.code, request_id(self._socket), unavailable)
            # A subscription can't begin or go on. Clients would not subscribe again after `error`, but they connect again after this code.
            await self.close(Close.TRY_AGAIN_LATER, "the database does not respond; connect again")
        except WebSocketDisconnect:
            pass
        except Exception as cause:  # The edge of the process: clients must not see details of the exception.
            errors: list[Formatted] = [unexpected(cause, request_id(self._socket))]
            self._metrics.count_errors(errors)
            with suppress(WebSocketDisconnect, RuntimeError):
                await self._end(id, {"type": "error", "id": id, "payload": errors})

    async def _answer(self, id: str, operation: Operation, caller: Caller) -> None:
        if operation.type is OperationType.SUBSCRIPTION:
            outgoing = Outgoing(self._frames, id)
            async with aclosing(self._live.subscribe(operation, caller, request_id(self._socket), outlet=outgoing)) as messages:
                async for message in messages:
                    await outgoing.write(message.content)
                    # Drop this reference to the message while the loop waits for the next one, often for long. It would keep the message in memory.
                    del message
        else:
            with self._under_way():
                response = await self._execution.execute(operation, caller, request_id(self._socket))
                await self._send({"type": "next", "id": id, "payload": response})
        await self._end(id, {"type": "complete", "id": id})

    @contextmanager
    def _under_way(self) -> Iterator[None]:
        """A context for executing a query or mutation. `drain` waits for its end before it closes the socket, so that the response is still sent."""
        task = asyncio.current_task()
        assert task
        self._answering.add(task)
        try:
            yield
        finally:
            self._answering.discard(task)

    async def drain(self) -> None:
        """Wait until the running queries and mutations are answered. Then close the socket, so that the client connects to another process."""
        if self._answering:
            await asyncio.wait(self._answering)
        await self.close(Close.SERVICE_RESTART, "the process restarts; connect again")

    async def _end(self, id: str, message: dict[str, Any]) -> None:
        # Forget the operation before the message is sent, because the client may use the id again as soon as it receives the message.
        self._operations.pop(id, None)
        await self._send(message)

    async def _received(self) -> str:
        """The text of the next message; empty for a message of bytes. Raises: WebSocketDisconnect."""
        frame = await self._socket.receive()
        if frame["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(frame.get("code", 1005))
        return frame.get("text") or ""

    def _parsed(self, text: str, caller: Caller) -> dict[str, Any]:
        """The message in a text. The caller is charged for a long one. Raises: Closing."""
        self._charging.charge_length(caller, len(text))
        if has_too_many_values(text):
            raise Closing(Close.BAD_MESSAGE, "the message holds too many values")
        try:
            message = parse_json(text)
        except TooDeep as refusal:
            message = refusal.rest
            if isinstance(message, dict) and isinstance(message.get("payload"), dict):
                # Only the operation that the message would start is refused, and the socket stays open.
                message["payload"] = refusal
        except orjson.JSONDecodeError:
            raise Closing(Close.BAD_MESSAGE, "not JSON") from None
        if not isinstance(message, dict):
            raise Closing(Close.BAD_MESSAGE, "not a message of this protocol")
        if len(text) > MAX_PING_CHARACTERS and message.get("type") in ("ping", "pong"):
            raise Closing(Close.BAD_MESSAGE, "the payload of a ping or pong has at most 1 kB")
        return message

    async def _send(self, message: dict[str, Any]) -> None:
        try:
            content = orjson.dumps(message)
        except orjson.JSONEncodeError:
            # A pong repeats the payload of its ping. orjson can parse more deeply nested JSON than it can serialize, so this payload may be too deep.
            raise Closing(Close.BAD_MESSAGE, "too deep") from None
        await self._write(content)

    async def _write(self, content: bytes) -> None:
        try:
            await self._frames.write(content)
        except OSError:
            raise WebSocketDisconnect from None

    async def close(self, code: Close, reason: str) -> None:
        """Close the socket and count its close code, unless it is already closed."""
        if self._socket.application_state is WebSocketState.CONNECTED:
            self._metrics.count_close(code)
            with suppress(WebSocketDisconnect, RuntimeError):
                await self._socket.close(code, reason)
