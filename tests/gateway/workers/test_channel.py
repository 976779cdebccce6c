"""Tests that a worker reports to its supervisor that it listens, and that it ends when the supervisor has ended."""

import asyncio
import signal
import socket

from gateway.workers.channel import SupervisorChannel
from tests.wire import GENEROUS_SECONDS


async def test_a_worker_reports_that_it_listens_and_ends_when_the_supervisor_is_gone() -> None:
    ours, theirs = socket.socketpair()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    try:
        channel = SupervisorChannel(theirs.detach())
        channel.watch()
        channel.report()
        assert ours.recv(1) == b"1"
        assert not ended.is_set()

        ours.close()

        async with asyncio.timeout(GENEROUS_SECONDS):
            await ended.wait()
        channel.close()
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
