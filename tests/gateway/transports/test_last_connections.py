"""Connections that were opened just before a listening socket closes are served, and none is reset."""

import asyncio
import socket
import sys
from threading import Event, Thread

import pytest

from gateway.transports import last_connections
from gateway.transports.last_connections import accept_last_connections, keep_out


@pytest.mark.skipif(sys.platform != "linux", reason="packet filters of sockets are an option of Linux")
def test_a_listening_socket_with_the_filter_accepts_open_connections_and_no_new_ones() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_connection(listening.getsockname()) as early:
        keep_out(listening)

        with socket.socket() as late:
            late.settimeout(0.3)
            with pytest.raises(TimeoutError):
                late.connect(listening.getsockname())
        accepted, _ = listening.accept()
        with accepted:
            early.sendall(b"request")
            assert accepted.recv(100) == b"request"


@pytest.mark.skipif(sys.platform != "linux", reason="packet filters of sockets are an option of Linux")
async def test_no_connection_is_reset_while_a_server_stops_to_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients connect without a pause while the server stops. Each connection is either answered, or refused before anything is sent."""
    monkeypatch.setattr(last_connections, "HANDSHAKE_SECONDS", 0.1)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(1))
        writer.close()

    with socket.create_server(("127.0.0.1", 0), backlog=1000) as listening:
        address, over = listening.getsockname(), Event()
        lost: list[str] = []
        answered: list[str] = []
        threads = [Thread(target=connect_again, args=(address, lost, answered, over)) for _ in range(4)]
        server = await asyncio.start_server(answer, sock=listening)
        for thread in threads:
            thread.start()
        while len(answered) < 200:
            await asyncio.sleep(0.01)

        await accept_last_connections([listening])
        server.close()

        over.set()
        for thread in threads:
            await asyncio.to_thread(thread.join)

    assert lost == []


def connect_again(address: tuple[str, int], lost: list[str], answered: list[str], over: Event) -> None:
    """Connect and send a byte, until `over` is set. Records the connections that were lost after they were open, and those that were answered."""
    while not over.is_set():
        try:
            connection = socket.create_connection(address, timeout=0.5)
        except OSError:
            continue
        with connection:
            try:
                connection.sendall(b"x")
                (answered if connection.recv(1) == b"x" else lost).append("")
            except OSError as error:
                lost.append(repr(error))
