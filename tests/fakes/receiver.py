"""A fake of an integrator's backend: a real HTTP server that receives webhooks, checks their signatures, and answers with faults on demand."""

import asyncio
import json
from asyncio import StreamReader, StreamWriter
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from pydantic import AnyHttpUrl, SecretStr
from standardwebhooks.webhooks import Webhook

from providers.file import Deliveries
from tests.storing import until

RECEIVER_SECRET = f"whsec_{b64encode(bytes(range(32))).decode()}"


@dataclass(frozen=True, slots=True)
class Answer:
    """How the backend answers a webhook. `cut`: whether it closes the connection without an answer. `extra`: a header line of the answer."""

    status: int = 204
    delay_seconds: float = 0
    cut: bool = False
    extra: str = ""
    body: bytes = b""


ACCEPTED = Answer()
REFUSED = Answer(status=500)
CUT = Answer(cut=True)


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A webhook whose signature was valid, and whether it was accepted."""

    id: str
    headers: dict[str, str]
    body: dict[str, Any]
    accepted: bool

    @property
    def event(self) -> tuple[str, int]:
        """The id of the verification, and the version of its event."""
        return self.body["data"]["id"], self.body["data"]["version"]


@dataclass
class Receiver:
    """A running backend. `answer` decides the answer to a request from its number, beginning with 1, and its content.
    `requests`: the webhooks with a valid signature. `forged`: the bodies of the others. `at_once`: how many requests are being answered now.
    `max_at_once`: the greatest value that `at_once` has had.
    """

    answer: Callable[[int, dict[str, Any]], Answer] = lambda number, body: ACCEPTED
    url: str = ""
    requests: list[ReceivedRequest] = field(default_factory=list)
    forged: list[bytes] = field(default_factory=list)
    at_once: int = 0
    max_at_once: int = 0

    @property
    def section(self) -> Deliveries:
        """The section of the providers file for this backend."""
        return Deliveries(url=AnyHttpUrl(self.url), secret=SecretStr(RECEIVER_SECRET))

    def versions(self, id: str, accepted: bool = True) -> list[int]:
        """The versions of the events of a verification in the order in which they were received; with `accepted`, only those that were accepted."""
        return [request.event[1] for request in self.requests if request.event[0] == id and (request.accepted or not accepted)]

    async def has(self, id: str, *versions: int) -> None:
        """Wait until exactly these events of a verification were accepted. The test fails if that takes too long."""
        await until(lambda: self.versions(id) == [*versions])

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Answer the only request of a connection."""
        self.at_once += 1
        self.max_at_once = max(self.max_at_once, self.at_once)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await self._serve(reader, writer)
        finally:
            self.at_once -= 1
            writer.close()

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        content = await reader.readexactly(int(headers["content-length"]))
        answer = self._received(headers, content)
        await asyncio.sleep(answer.delay_seconds)
        if not answer.cut:
            head = f"HTTP/1.1 {answer.status} X\r\ncontent-length: {len(answer.body)}\r\nconnection: close\r\n{answer.extra}\r\n"
            writer.write(head.encode() + answer.body)
            await writer.drain()

    def _received(self, headers: dict[str, str], content: bytes) -> Answer:
        try:
            body = Webhook(RECEIVER_SECRET).verify(content, headers)
        except Exception:
            self.forged.append(content)
            return REFUSED
        assert json.loads(content) == body
        answer = self.answer(len(self.requests) + 1, body)
        self.requests.append(ReceivedRequest(headers["webhook-id"], headers, body, not answer.cut and 200 <= answer.status < 300))
        return answer


@asynccontextmanager
async def receiving(answer: Callable[[int, dict[str, Any]], Answer] | None = None) -> AsyncIterator[Receiver]:
    """A context in which a backend runs."""
    receiver = Receiver(answer) if answer else Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hooks"
    try:
        yield receiver
    finally:
        server.close()
