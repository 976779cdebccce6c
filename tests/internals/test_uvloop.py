"""Tests uvloop's transports: the protocol that they return, and connections of which one side is closed. See `docs/libraries.md`."""

import asyncio
import socket
from collections.abc import Coroutine
from typing import Any

import uvloop


def on_uvloop(main: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine on uvloop, as the gateway does."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)


def test_uvloops_transport_returns_the_protocol_that_was_set() -> None:
    async def main() -> None:
        near, far = socket.socketpair()
        with far:
            transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=near)
            second = asyncio.Protocol()
            transport.set_protocol(second)
            assert transport.get_protocol() is second
            transport.abort()
            await asyncio.sleep(0)

    on_uvloop(main())


def test_uvloops_transport_still_writes_after_the_other_end_was_closed_if_eof_received_returns_true() -> None:
    class Staying(asyncio.Protocol):
        def eof_received(self) -> bool:
            ended.set()
            return True

    async def main() -> None:
        near, far = socket.socketpair()
        with far:
            transport, _ = await asyncio.get_running_loop().create_connection(Staying, sock=near)
            far.shutdown(socket.SHUT_WR)
            async with asyncio.timeout(2):
                await ended.wait()
            await asyncio.sleep(0)
            assert not transport.is_closing()
            transport.write(b"answer")
            transport.close()
            await asyncio.sleep(0.01)
            assert (far.recv(99), far.recv(99)) == (b"answer", b"")

    ended = asyncio.Event()
    on_uvloop(main())


def test_uvloops_transport_still_reads_after_its_end_was_written() -> None:
    class Reading(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            received.append(data)
            came.set()

    async def main() -> None:
        near, far = socket.socketpair()
        with far:
            transport, _ = await asyncio.get_running_loop().create_connection(Reading, sock=near)
            transport.write(b"refused")
            transport.write_eof()
            await asyncio.sleep(0.01)
            assert (far.recv(99), far.recv(99)) == (b"refused", b"")
            far.send(b"more")
            async with asyncio.timeout(2):
                await came.wait()
            assert not transport.is_closing()
            transport.abort()
            await asyncio.sleep(0)

    received: list[bytes] = []
    came = asyncio.Event()
    on_uvloop(main())

    assert received == [b"more"]
