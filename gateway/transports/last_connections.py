"""Closes a listening socket without losing connections that clients have just opened.

When a listening socket is closed, the kernel resets the connections that wait to be accepted, although their clients count them as open, and may have
sent a request. A proxy must not send such a request to another server, since it could be a mutation. So new connections are first kept out with a
packet filter, then those that wait are accepted, and only then is the socket closed. A client whose connection was kept out repeats its packet a
second later, finds the socket closed, and connects elsewhere.
"""

import asyncio
import ctypes
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress

# How long the process waits for the handshakes of connections that were being opened. This is longer than a packet takes within a data centre.
HANDSHAKE_SECONDS = 0.3
# The options of Linux that attach a packet filter to a socket, and detach it. Python has no names for them. Source: asm-generic/socket.h.
SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27
# A program of classic BPF that drops the first packet of each new connection, and passes all others. Each instruction is (code, jump if true, jump if
# false, operand). A filter of a TCP socket sees packets from their TCP header on, whose byte 13 holds the flags.
# Source: Linux, networking/filter.rst.
SYN, ACK = 0x02, 0x10
NO_NEW_CONNECTIONS = (
    (0x30, 0, 0, 13),  # Load the byte with the flags.
    (0x54, 0, 0, SYN | ACK),  # Keep the two flags that distinguish the first packet of a connection from the later ones.
    (0x15, 0, 1, SYN),  # Is it the first packet?
    (0x06, 0, 0, 0),  # Then drop it.
    (0x06, 0, 0, 0xFFFFFFFF),  # Otherwise pass it.
)


class Instruction(ctypes.Structure):
    """One instruction of a packet filter: `struct sock_filter` of Linux."""

    _fields_ = (("code", ctypes.c_uint16), ("if_true", ctypes.c_uint8), ("if_false", ctypes.c_uint8), ("operand", ctypes.c_uint32))


class Program(ctypes.Structure):
    """A packet filter: `struct sock_fprog` of Linux."""

    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(Instruction)))


async def accept_last_connections(sockets: Sequence[socket.socket]) -> None:
    """Keep new connections out of these listening sockets, and give the event loop time to accept those that are already open.

    Does nothing on systems other than Linux. The filter belongs to the socket: a process that goes on to listen with the same
    socket has to call `let_in`.
    """
    if sys.platform == "linux" and sockets:
        for each in sockets:
            keep_out(each)
        await asyncio.sleep(HANDSHAKE_SECONDS)


def keep_out(listening: socket.socket) -> None:
    """Drop the first packet of every new connection to a listening socket."""
    instructions = (Instruction * len(NO_NEW_CONNECTIONS))(*(Instruction(*each) for each in NO_NEW_CONNECTIONS))
    program = Program(len(NO_NEW_CONNECTIONS), instructions)
    listening.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, bytes(program))


def let_in(listening: socket.socket) -> None:
    """Undo `keep_out`. An earlier process with the same listening socket may have called `keep_out`, and its filter stays when that process ends."""
    if sys.platform == "linux":
        with suppress(FileNotFoundError):
            listening.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
