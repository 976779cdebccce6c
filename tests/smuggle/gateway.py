"""Runs a gateway that records every request that it parses, to compare the records with the log of the proxy in front of it.

python -m tests.smuggle.gateway MONGO_URI DIRECTORY [FAULT]
"""

import asyncio
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import uvloop
from httptools import HttpParserUpgrade
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

import gateway.server
from gateway.transports.http_connection import HttpProtocol, Patience
from tests.serving import serving

# The gateway keeps idle connections for longer than the proxies do. It therefore never closes a connection on which a proxy is sending a request.
PATIENCE = Patience(idle_seconds=120)


class Recording(HttpProtocol):
    """An HTTP connection of the gateway that records the target of each request that it parses, and the reason of each refusal."""

    records: ClassVar[BinaryIO]

    def __init__(self, *arguments: Any, refused: Callable[[str], None], **options: Any) -> None:
        def recorded(reason: str) -> None:
            self.records.write(b"refused %b\n" % reason.encode())
            refused(reason)

        super().__init__(*arguments, refused=recorded, **options)

    def on_headers_complete(self) -> None:
        """Record the request. `/readyz` is not recorded: no client requests it, only the code that starts this gateway.

        A head with an ignored offer of an upgrade is parsed a second time, without the offer (see `_offer_ignored` in `HttpProtocol`). It is recorded
        only then, so that each request is recorded once.
        """
        super().on_headers_complete()
        if not self._offer_ignored and self.url != b"/readyz":
            self.records.write(b"parsed %b\n" % self.url)


class Upgrading(Recording):
    """A planted fault, which the comparison must find: a request with an offer of an upgrade that the gateway ignores ends after its head.

    The gateway may then parse the request's body as the next request.
    """

    def _parse(self, data: bytes | memoryview) -> None:
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            if self._should_upgrade():
                self._upgrade_to_websocket(memoryview(data)[upgrade.args[0] :])

    def _ignore_offer(self, version: str) -> None:
        self._stop_timer()
        self.scope["headers"] = self.headers.copy()
        HttpToolsProtocol.on_headers_complete(self)
        self._headed, self._body_bytes, self._latest = True, 0, self.cycle


class Trailing(Recording):
    """A planted fault, which the comparison must find: after trailers with `connection: close`, the gateway leaves the connection open.

    Its parser then drops all later requests on the connection.
    """

    def _is_closed_by_trailers(self) -> bool:
        return False


FAULTS: dict[str, type[Recording]] = {"upgrade": Upgrading, "trailers": Trailing}


async def main(mongo_uri: str, directory: Path, fault: str | None = None) -> None:
    """Serve until SIGTERM. Writes three files into the directory: `url` with the address, `token` with a token, and `records` with the records."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    with (directory / "records").open("wb") as records:
        Recording.records = records
        module: Any = gateway.server
        module.HttpProtocol = FAULTS[fault] if fault else Recording
        async with serving(mongo_uri, patience=PATIENCE) as running:
            (directory / "token").write_text(running.token())
            (directory / "url.new").write_text(running.url)
            (directory / "url.new").rename(directory / "url")
            await ended.wait()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:]))
