"""GraphQL over HTTP: POST with JSON for queries and mutations, GET and HEAD for queries, an event stream for subscriptions.

This module handles nearly all requests. To save time, it uses neither Starlette's requests nor Starlette's responses. Most requests come over the
fast path (`FastPath` in entrance.py), which skips Starlette completely.
"""

from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing
from typing import Any
from urllib.parse import parse_qsl

import orjson
from graphql import OperationType
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import Receive, Scope, Send

from domain.caller import Caller
from domain.errors import Unavailable
from gateway.callers.admission import Admission, Crowded
from gateway.callers.charging import LEAST_COST, Charging
from gateway.callers.keys import KeysUnavailable
from gateway.callers.tokens import Tokens, Unauthenticated
from gateway.errors import RequestRefused, log_failure, refused, unexpected
from gateway.operations.documents import Operation
from gateway.operations.execution import Execution
from gateway.operations.live import Live, Message
from gateway.operations.operation_request import OperationRequest, from_fields
from gateway.process.drain import Drain
from gateway.process.metrics import Metrics
from gateway.transports.json_content import has_too_many_values, parse_json
from gateway.transports.negotiation import EVENT_STREAM, JSON, RESPONSE_JSON, accepted_media, cache_headers, decoded, encoded, is_current, is_json
from gateway.transports.requests import client_address, headers
from gateway.transports.responses import Header, Response
from gateway.transports.sse import EventStream

METHODS = ("GET", "HEAD", "POST")
MAX_BODY_BYTES = 262_144
MAX_PARAMETERS = 100
# The byte order mark in UTF-8, with which some editors and libraries begin a text. Source: RFC 8259, 8.1.
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
RETRY_SECONDS = "5"
VARY = (b"vary", b"accept, accept-encoding")
CONTENT_TYPE = {media: (b"content-type", f"{media}; charset=utf-8".encode()) for media in (JSON, RESPONSE_JSON)}
# The codes of errors in well-formed requests, whose document or variables can't be executed.
EXECUTION_CODES = frozenset({"GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT"})


class GraphQLRequest:
    """The parts of an HTTP request that GraphQL needs.

    `media`: the JSON media type that the client prefers, None if the client accepts no JSON. `streams`: whether the client accepts an event stream.
    `content`: the body if it has arrived completely and is not too long, otherwise None. `characters`: the length of the JSON or of the query string,
    by which the caller is charged; 0 until it is parsed.
    """

    __slots__ = ("_headers", "_receive", "characters", "content", "media", "method", "scope", "streams")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self._receive = receive
        self._headers = headers(scope)
        self.method: str = scope["method"]
        self.media, self.streams = accepted_media(self.header(b"accept", "*/*"))
        self.content: bytes | bytearray | None = None
        self.characters = 0

    @property
    def id(self) -> str:
        """The id by which the logs identify the request."""
        id: str = self.scope["request_id"]
        return id

    def header(self, name: bytes, otherwise: str = "") -> str:
        """The value of a header, or `otherwise` if the request does not have it."""
        value = self._headers.get(name)
        return otherwise if value is None else value.decode("latin-1")

    async def body(self) -> bytes | bytearray:
        """Read the body until its end. Raises: RequestRefused if the body is too long, ClientDisconnect if the client is gone."""
        return await body(self.header(b"content-length", "0"), self._receive)


class GraphQLOverHTTP:
    """The endpoint `/graphql` for HTTP requests, also for those that receive an event stream.

    Source: GraphQL over HTTP, draft of 2025.
    """

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
        response = await self.response(GraphQLRequest(scope, receive))
        await response(scope, receive, send)

    async def response(self, request: GraphQLRequest) -> Response | EventStream:
        """The response to one request. Raises nothing: all errors become responses.

        The operation is executed before this method returns, unless the response is an event stream.
        """
        media, streams = request.media, request.streams
        caller: Caller | None = None
        try:
            if request.method not in METHODS:
                raise refused("BAD_REQUEST", f"use one of {', '.join(METHODS)}", 405, allow=", ".join(METHODS))
            if not media and not streams:
                raise refused("BAD_REQUEST", f"accept {RESPONSE_JSON}, {JSON} or {EVENT_STREAM}", 406)
            authorization = request.header(b"authorization")
            caller = self._tokens.verified(authorization) or await self._caller(request, authorization)
            self._charging.begin(caller)
            content = request.content or await request.body() if request.method == "POST" else b""
            operation = self._operation(request, content, caller)
            if streams and (operation.type is OperationType.SUBSCRIPTION or not media):
                return self._stream(operation, caller, request)
            if operation.type is OperationType.SUBSCRIPTION:
                raise refused("BAD_REQUEST", f"a subscription needs {EVENT_STREAM} to be accepted, or the WebSocket at this address")
            response = await self._execution.execute(operation, caller, request.id)
            cacheable = operation.prepared.constant and request.method != "POST" and "errors" not in response
            return json_response(request, media or JSON, 200, response, {}, cacheable)
        except RequestRefused as refused_for:
            refusal = refused_for if caller else self._charging.refused(self._charging.address(request.scope), refused_for)
            # Clients that accept only `application/json` expect status 200 for every well-formed request, even if it has errors. They take any other
            # status for the failure of a server.
            self._metrics.count_errors(refusal.errors)
            well_formed = refusal.status == 400 and media == JSON and refusal.errors[0]["extensions"]["code"] in EXECUTION_CODES
            return json_response(request, media or JSON, 200 if well_formed else refusal.status, {"errors": refusal.errors}, refusal.headers)
        except ClientDisconnect:
            return Response(400, [], b"")  # This response is never sent: the client is gone.
        except Exception as cause:  # The edge of the process: clients must not see details of the exception.
            errors = [unexpected(cause, request.id)]
            self._metrics.count_errors(errors)
            return json_response(request, media or JSON, 500, {"errors": errors}, {})

    async def _caller(self, request: GraphQLRequest, authorization: str) -> Caller:
        self._charging.check_address(self._charging.address(request.scope))
        try:
            return await self._tokens.caller(authorization)
        except Unauthenticated:
            message = "a valid bearer token is needed in the Authorization header"
            raise refused("UNAUTHENTICATED", message, 401, www_authenticate="Bearer") from None
        except KeysUnavailable:
            raise refused("UNAVAILABLE", "tokens can't be verified at the moment; try again", 503, retry_after=RETRY_SECONDS) from None

    def _operation(self, request: GraphQLRequest, content: bytes | bytearray, caller: Caller) -> Operation:
        try:
            operation_request = from_body(request, content) if request.method == "POST" else from_url(request)
        finally:
            self._charging.charge_length(caller, request.characters)
        operation = self._execution.operation(operation_request, caller, request.id, LEAST_COST)
        if operation.type is OperationType.MUTATION and request.method != "POST":
            raise refused("BAD_REQUEST", "a mutation needs POST", 405, allow="POST")
        return operation

    def _stream(self, operation: Operation, caller: Caller, request: GraphQLRequest) -> EventStream:
        try:
            address = client_address(HTTPConnection(request.scope))
            with ExitStack() as place:
                place.enter_context(self._admission.introduced(address, caller))
                place.enter_context(self._metrics.event_streams.track_inprogress())
                is_single = operation.type is not OperationType.SUBSCRIPTION
                return EventStream(self._messages(operation, caller, request), caller, self._drain, place.pop_all(), is_single)
        except Crowded as crowded:
            raise refused("RATE_LIMITED", str(crowded), 503, retry_after=RETRY_SECONDS) from None

    async def _messages(self, operation: Operation, caller: Caller, request: GraphQLRequest) -> AsyncGenerator[Message, None]:
        """The messages of an event stream. If a refusal ends the stream, its errors are counted here, and `EventStream` sends them."""
        try:
            if operation.type is not OperationType.SUBSCRIPTION:
                yield Message(orjson.dumps(await self._execution.execute(operation, caller, request.id)))
                return
            last_mark = request.header(b"last-event-id") or None
            async with aclosing(self._live.subscribe(operation, caller, request.id, last_mark)) as messages:
                async for message in messages:
                    yield message
                    # Free the memory of this message now. It may show personal data, and the next message may come much later.
                    del message
        except RequestRefused as refusal:
            self._metrics.count_errors(refusal.errors)
            raise
        except Unavailable as unavailable:
            log_failure(unavailable.code, request.id, unavailable)
            raise


async def body(content_length: str, receive: Receive, max_bytes: int = MAX_BODY_BYTES) -> bytes:
    """Read the body of a request until its end. `content_length`: the value of the header `Content-Length`, "0" if the request has none.

    Raises: RequestRefused if the body is too long, ClientDisconnect if the client is gone.
    """
    # `int` can't fail here, because the connection has already refused requests whose length is not a number.
    size, chunks, more = int(content_length), [], True
    if size <= max_bytes:
        size = 0
    while more and size <= max_bytes:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        more = message.get("more_body", False)
    if size > max_bytes:
        raise refused("BAD_REQUEST", f"the body is over {max_bytes} bytes", 413)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def from_body(request: GraphQLRequest, content: bytes | bytearray) -> OperationRequest:
    """The operation that a POST request contains in its JSON body. Raises: RequestRefused."""
    content_type = request.header(b"content-type")
    if content_type != JSON and not is_json(content_type):
        raise refused("BAD_REQUEST", f"the body must be {JSON} in UTF-8", 415)
    plain = decoded(content, request.header(b"content-encoding"), MAX_BODY_BYTES)
    request.characters = len(plain)
    if has_too_many_values(plain):
        raise refused("QUERY_TOO_COMPLEX", "the body holds too many values")
    if plain.startswith(BYTE_ORDER_MARK):
        plain = plain[len(BYTE_ORDER_MARK) :]
    try:
        fields = parse_json(plain)
    except orjson.JSONDecodeError:
        raise refused("BAD_REQUEST", "the body is not valid JSON") from None
    return from_fields(fields)


def from_url(request: GraphQLRequest) -> OperationRequest:
    """The operation that a GET or HEAD request contains in its URL. The parameters `variables` and `extensions` are JSON. Raises: RequestRefused.

    An empty parameter is treated as absent, except `query`, since an empty document is a document with an error.
    Source: GraphQL over HTTP, "GET".
    """
    text = request.scope["query_string"].decode("latin-1")
    request.characters = len(text)
    # Refuse many parameters before parsing them: a short URL with many small parameters takes much longer to parse than a long one with few.
    if text.count("&") >= MAX_PARAMETERS:
        raise refused("QUERY_TOO_COMPLEX", f"the URL has more than {MAX_PARAMETERS} parameters")
    fields: dict[str, Any] = {name: value for name, value in parse_qsl(text, keep_blank_values=True) if value or name == "query"}
    for name in ("variables", "extensions"):
        if name in fields:
            if has_too_many_values(fields[name]):
                raise refused("QUERY_TOO_COMPLEX", f"{name} holds too many values")
            try:
                fields[name] = parse_json(fields[name].removeprefix(BYTE_ORDER_MARK.decode()))
            except orjson.JSONDecodeError:
                raise refused("BAD_REQUEST", f"{name} is not valid JSON") from None
    return from_fields(fields)


def json_response(
    request: GraphQLRequest, media: str, status: int, content: dict[str, Any], extra_headers: dict[str, str], cacheable: bool = False
) -> Response:
    """A response in JSON, compressed if the client accepts a compression.

    If the response is cacheable and the client has already cached the same content, the response is a 304 without content.
    """
    plain = orjson.dumps(content)
    response_headers = [VARY, *raw(extra_headers)]
    if cacheable:
        cache = cache_headers(plain)
        response_headers += raw(cache)
        if is_current(cache["etag"], request.header(b"if-none-match")):
            return Response(304, response_headers, b"")
    compressed, encoding = encoded(plain, request.header(b"accept-encoding"))
    response_headers += [CONTENT_TYPE[media], (b"content-length", b"%d" % len(compressed))]
    if encoding:
        response_headers.append((b"content-encoding", encoding.encode()))
    return Response(status, response_headers, compressed)


def raw(headers: dict[str, str]) -> list[Header]:
    """Converts headers from texts to pairs of bytes, the form that ASGI uses."""
    return [(name.encode(), value.encode()) for name, value in headers.items()]
