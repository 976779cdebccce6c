"""A network that can be broken: doors that lead to ports of this machine, in a process of their own.

A door passes, delays, refuses, resets, or is a black hole: what is under way then is neither delivered nor refused, and goes on when the hole
closes, as with packets that are sent again. A member can be cut off: the door to it is a hole, and so are its own ways to the other doors.
"""

import asyncio
import json
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import suppress
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvloop

from tests.ledger.process import LEASH, ROOT

HOST = "127.0.0.1"
CHUNK_BYTES = 65_536


class Mode(Enum):
    """What a door does."""

    PASS = "pass"
    REFUSE = "refuse"
    BLACKHOLE = "blackhole"
    RESET = "reset"
    DELAY = "delay"


class Doors:
    """The process with the doors, as the one that breaks things sees it. `ports` are known as soon as it is entered."""

    def __init__(self, targets: dict[str, int]) -> None:
        self.targets = targets
        self.ports: dict[str, int] = {}

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.ledger.proxy", json.dumps(self.targets)]
        leashed = [sys.executable, "-I", "-S", "-c", LEASH, str(os.getpid()), *command]
        self._process = subprocess.Popen(leashed, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, start_new_session=True)
        self.ports = self._told()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()

    async def become(self, door: str, mode: Mode, delay_seconds: float = 0.0) -> None:
        """Have a door do something else from now on; a reset is over at once."""
        await self._ask({"door": door, "mode": mode.value, "delay": delay_seconds})

    async def cut_off(self, doors: dict[str, int]) -> None:
        """Cut off the processes with these ids, which are behind these doors, and no others."""
        await self._ask({"cut": doors})

    async def _ask(self, wish: dict[str, Any]) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(wish).encode() + b"\n")
        self._process.stdin.flush()
        await asyncio.to_thread(self._told)

    def _told(self) -> dict[str, int]:
        assert self._process.stdout
        told: dict[str, int] = json.loads(self._process.stdout.readline())
        return told


class Link:
    """One connection through a door."""

    def __init__(self, door: "Door", client: asyncio.StreamWriter) -> None:
        self.door = door
        self.client_port: int = (client.get_extra_info("peername") or (HOST, 0))[1]
        self.owner = 0
        self.writers = [client]
        self.free = asyncio.Event()

    def reset(self) -> None:
        """Cut it, so that both ends notice."""
        for writer in self.writers:
            if writer.transport.is_closing():
                continue
            with suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one direction until its end."""
        while chunk := await reader.read(CHUNK_BYTES):
            if self.door.delay:
                await asyncio.sleep(self.door.delay)
            await self.free.wait()
            writer.write(chunk)
            await writer.drain()
        await self.free.wait()
        writer.write_eof()


class Door:
    """One port, and where it leads."""

    def __init__(self, name: str, target: int) -> None:
        self.name = name
        self.target = target
        self.mode = Mode.PASS
        self.delay = 0.0
        self.links: set[Link] = set()
        self.cut: dict[str, int] = {}

    def see_to(self, link: Link) -> None:
        """Let a link pass, or hold it."""
        if self.mode is Mode.BLACKHOLE or self.name in self.cut or (link.owner and link.owner in self.cut.values()):
            link.free.clear()
        else:
            link.free.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        link = Link(self, writer)
        if self.mode is Mode.REFUSE:
            return link.reset()
        if self.cut:
            link.owner = owners(self.cut.values()).get(link.client_port, 0)
        self.links.add(link)
        self.see_to(link)
        try:
            await link.free.wait()
            back, forth = await asyncio.open_connection(HOST, self.target)
            link.writers.append(forth)
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(link.pump(reader, forth))
                pumps.create_task(link.pump(back, writer))
            for end in link.writers:
                end.close()
        except (OSError, RuntimeError, BaseExceptionGroup):
            link.reset()
        finally:
            self.links.discard(link)
        return None


def owners(processes: Collection[int]) -> dict[int, int]:
    """Which of the processes has which port of this machine as its end of a connection. Source: proc(5), /proc/net/tcp."""
    held = {file: process for process in processes for file in files(process)}
    lines = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return {int(fields[1].rpartition(":")[2], 16): held[file] for fields in lines if (file := f"socket:[{fields[9]}]") in held}


def files(process: int) -> Iterator[str]:
    """The files that a process has open."""
    with suppress(OSError):
        for descriptor in Path(f"/proc/{process}/fd").iterdir():
            with suppress(OSError):
                yield str(descriptor.readlink())


def obey(doors: dict[str, Door], wish: dict[str, Any]) -> None:
    """Do what is asked."""
    if "cut" in wish:
        ends = owners(wish["cut"].values())
        for door in doors.values():
            door.cut = wish["cut"]
            for link in door.links:
                link.owner = ends.get(link.client_port, 0)
    else:
        door = doors[wish["door"]]
        mode = Mode(wish["mode"])
        door.delay = wish["delay"] if mode is Mode.DELAY else 0.0
        if mode in (Mode.RESET, Mode.REFUSE):
            for link in list(door.links):
                link.reset()
        door.mode = Mode.PASS if mode is Mode.RESET else mode
    for door in doors.values():
        for link in door.links:
            door.see_to(link)


async def main(targets: dict[str, int]) -> None:
    """Open the doors, tell their ports, and obey until nobody asks any more."""
    doors = {name: Door(name, target) for name, target in targets.items()}
    servers = {name: await asyncio.start_server(door.serve, HOST, 0) for name, door in doors.items()}
    print(json.dumps({name: server.sockets[0].getsockname()[1] for name, server in servers.items()}), flush=True)
    wishes = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(wishes), sys.stdin)
    while line := await wishes.readline():
        obey(doors, json.loads(line))
        print("{}", flush=True)
    os._exit(0)


if __name__ == "__main__":
    uvloop.run(main(json.loads(sys.argv[1])))
