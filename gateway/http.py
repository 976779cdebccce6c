"""GraphQL over HTTP: POST with JSON for queries and mutations, GET for queries, an event stream for subscriptions."""

from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing
from typing import Any

import orjson
from graphql import OperationType
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from domain.caller import Caller
from gateway import caching
from gateway.admission import Admission, Crowded
from gateway.documents import Operation
from gateway.drain import Drain
from gateway.encodings import decoded, encoded
from gateway.errors import RequestRefused, refused, unexpected
from gateway.execution import Execution, Message
from gateway.keys import KeysUnavailable
from gateway.negotiation import JSON, RESPONSE_JSON, preferred, weighed
from gateway.operation_request import OperationRequest, from_fields
from gateway.requests import client_address, request_id
from gateway.sse import MEDIA_TYPE as EVENT_STREAM
from gateway.sse import EventStream
from gateway.tokens import Tokens, Unauthenticated

METHODS = ("GET", "POST")
MOST_BODY_BYTES = 262_144
# A value of JSON costs many times what a character of a text does; more than these can't be of use within the limits of operations.
MOST_JSON_MARKS = 24_000
JSON_MARKS = (b"[", b"{", b",")
RETRY_SECONDS = "5"
EXECUTION_CODES = frozenset({"GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT"})


class GraphQLOverHTTP:
    """The endpoint `/graphql`.

    Source: GraphQL over HTTP, draft of 2025.
    """

    def __init__(self, execution: Execution, tokens: Tokens, drain: Drain, admission: Admission) -> None:
        self._execution = execution
        self._tokens = tokens
        self._drain = drain
        self._admission = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self.answer(Request(scope, receive))
        await response(scope, receive, send)

    async def answer(self, request: Request) -> ASGIApp:
        """The response to one request, whatever happens."""
        wishes = weighed(request.headers.get("accept", "*/*"))
        media = preferred(wishes)
        streams = wishes.get(EVENT_STREAM, 0.0) > 0
        try:
            if request.method not in METHODS:
                raise refused("BAD_REQUEST", f"ask with {' or '.join(METHODS)}", 405, allow=", ".join(METHODS))
            if not media and not streams:
                raise refused("BAD_REQUEST", f"accept {RESPONSE_JSON}, {JSON} or {EVENT_STREAM}", 406)
            caller = await self._caller(request)
            operation = await self._operation(request, caller)
            if streams and (operation.type is OperationType.SUBSCRIPTION or not media):
                return self._stream(operation, caller, request)
            if operation.type is OperationType.SUBSCRIPTION:
                raise refused("BAD_REQUEST", f"a subscription needs {EVENT_STREAM} to be accepted, or the WebSocket at this address")
            content = await self._execution.execute(operation, caller, request_id(request))
            may_be_kept = operation.known.constant and request.method == "GET" and "errors" not in content
            return written(request, media or JSON, 200, content, {}, may_be_kept)
        except RequestRefused as refusal:
            # Clients that know nothing of the newer media type take any other status for a broken server.
            well_formed = refusal.status == 400 and media == JSON and refusal.errors[0]["extensions"]["code"] in EXECUTION_CODES
            return written(request, media or JSON, 200 if well_formed else refusal.status, {"errors": refusal.errors}, refusal.headers)
        except ClientDisconnect:
            return Response(status_code=400)  # To nobody.
        except Exception as cause:  # The edge of the process: nothing of it may reach a client.
            return written(request, media or JSON, 500, {"errors": [unexpected(cause, request_id(request))]}, {})

    async def _caller(self, request: Request) -> Caller:
        try:
            return await self._tokens.caller(request.headers.get("authorization"))
        except Unauthenticated:
            told = "a valid bearer token is needed in the Authorization header"
            raise refused("UNAUTHENTICATED", told, 401, www_authenticate="Bearer") from None
        except KeysUnavailable:
            raise refused("UNAVAILABLE", "tokens can't be verified at the moment; try again", 503, retry_after=RETRY_SECONDS) from None

    async def _operation(self, request: Request, caller: Caller) -> Operation:
        asked = from_url(request) if request.method == "GET" else from_body(request.headers, await body(request))
        operation = self._execution.operation(asked, caller, request_id(request))
        if operation.type is OperationType.MUTATION and request.method == "GET":
            raise refused("BAD_REQUEST", "a mutation needs POST", 405, allow="POST")
        return operation

    def _stream(self, operation: Operation, caller: Caller, request: Request) -> EventStream:
        try:
            with ExitStack() as place:
                place.enter_context(self._admission.connected(client_address(request)))
                place.enter_context(self._admission.introduced(caller))
                return EventStream(self._messages(operation, caller, request), caller, self._drain, place.pop_all())
        except Crowded as crowded:
            raise refused("RATE_LIMITED", str(crowded), 503, retry_after=RETRY_SECONDS) from None

    async def _messages(self, operation: Operation, caller: Caller, request: Request) -> AsyncGenerator[Message, None]:
        if operation.type is not OperationType.SUBSCRIPTION:
            yield Message(await self._execution.execute(operation, caller, request_id(request)))
            return
        last_mark = request.headers.get("last-event-id")
        async with aclosing(self._execution.subscribe(operation, caller, request_id(request), last_mark)) as messages:
            async for message in messages:
                yield message


async def body(request: Request) -> bytes:
    """The body, where it is not too long. Raises: RequestRefused."""
    too_long = refused("BAD_REQUEST", f"the body is over {MOST_BODY_BYTES} bytes", 413)
    # The server has made sure that a length is a number.
    if int(request.headers.get("content-length", "0")) > MOST_BODY_BYTES:
        raise too_long
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MOST_BODY_BYTES:
            raise too_long
        chunks.append(chunk)
    return b"".join(chunks)


def from_body(headers: Headers, content: bytes) -> OperationRequest:
    """The operation in a JSON body. Raises: RequestRefused."""
    media, _, parameters = headers.get("content-type", "").partition(";")
    if media.strip().lower() != JSON or ("charset" in parameters.lower() and "utf-8" not in parameters.lower()):
        raise refused("BAD_REQUEST", f"the body must be {JSON} in UTF-8", 415)
    plain = decoded(content, headers.get("content-encoding", ""), MOST_BODY_BYTES)
    if sum(map(plain.count, JSON_MARKS)) > MOST_JSON_MARKS:
        raise refused("QUERY_TOO_COMPLEX", "the body holds too many values")
    try:
        fields = orjson.loads(plain)
    except orjson.JSONDecodeError:
        raise refused("BAD_REQUEST", "the body is not valid JSON") from None
    return from_fields(fields)


def from_url(request: Request) -> OperationRequest:
    """The operation in a URL's parameters, objects as JSON. Raises: RequestRefused."""
    fields: dict[str, Any] = dict(request.query_params)
    for name in ("variables", "extensions"):
        if name in fields:
            try:
                fields[name] = orjson.loads(fields[name])
            except orjson.JSONDecodeError:
                raise refused("BAD_REQUEST", f"{name} is not valid JSON") from None
    return from_fields(fields)


def written(request: Request, media: str, status: int, content: dict[str, Any], headers: dict[str, str], may_be_kept: bool = False) -> Response:
    """A response in JSON, compressed where the client likes that, and left out where it may be kept and the client has kept it."""
    plain = orjson.dumps(content)
    headers = {"vary": "accept, accept-encoding", **(caching.headers(plain) if may_be_kept else {}), **headers}
    if may_be_kept and caching.known(headers["etag"], request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    packed, encoding = encoded(plain, request.headers.get("accept-encoding", ""))
    return Response(packed, status, {**headers, **({"content-encoding": encoding} if encoding else {})}, f"{media}; charset=utf-8")
