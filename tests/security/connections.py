"""Many requests over few connections, each kept alive: a client for HTTP takes longer over one request than the gateway."""

import asyncio
from collections.abc import Sequence

import orjson

from tests.gateway.transports.test_http_connection import line, posted
from tests.security.transports import Request
from tests.serving import Gateway

Asked = tuple[str, Request]
Answered = tuple[int, bytes]


async def answers(gateway: Gateway, asked: Sequence[Asked], at_once: int) -> list[Answered]:
    """Status and body of the answers to requests, each with its token, in their order; so many are under way at once."""
    waiting, answered = iter(enumerate(asked)), dict[int, Answered]()

    async def ask() -> None:
        async with line(gateway) as connection:
            for number, (token, request) in waiting:
                content = orjson.dumps(request)
                await connection.say(posted(gateway, f"content-length: {len(content)}", token=token), content)
                status, _, body = await connection.hear()
                answered[number] = status, body

    await asyncio.gather(*(ask() for _ in range(at_once)))
    return [answered[number] for number in range(len(asked))]
