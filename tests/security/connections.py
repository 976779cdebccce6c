"""Sends many requests over few keep-alive connections, without an HTTP library: a library needs more time for each request than the gateway."""

import asyncio
from collections.abc import Sequence

import orjson

from tests.gateway.transports.test_http_connection import line, posted
from tests.security.transports import Request
from tests.serving import Gateway

TokenAndRequest = tuple[str, Request]
StatusAndBody = tuple[int, bytes]


async def answers(gateway: Gateway, requests: Sequence[TokenAndRequest], at_once: int) -> list[StatusAndBody]:
    """Send all requests over `at_once` connections. Each connection has one request at a time.

    Returns the status and the body of each answer, in the order of the requests.
    """
    waiting, received = iter(enumerate(requests)), dict[int, StatusAndBody]()

    async def send_all() -> None:
        async with line(gateway) as connection:
            for number, (token, request) in waiting:
                content = orjson.dumps(request)
                await connection.say(posted(gateway, f"content-length: {len(content)}", token=token), content)
                status, _, body = await connection.hear()
                received[number] = status, body

    await asyncio.gather(*(send_all() for _ in range(at_once)))
    return [received[number] for number in range(len(requests))]
