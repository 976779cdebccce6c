"""TCP proxies that simulate a broken network. They run in a separate process. Each forwards the connections to its port to another port.

A proxy passes, delays, refuses or resets connections, or is a black hole. A black hole keeps all data, and delivers them when the proxy passes again,
as a network does with retransmitted packets. A member of the replica set can be cut off: its proxy is then a black hole, and the connections that
the member opened through other proxies are blocked in the same way.
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
    """What a proxy does with connections.

    REFUSE: it resets all connections, also new ones. BLACKHOLE: it keeps all data until it passes again. RESET: it resets the open connections once,
    and then passes. DELAY: it forwards data after a pause.
    """

    PASS = "pass"
    REFUSE = "refuse"
    BLACKHOLE = "blackhole"
    RESET = "reset"
    DELAY = "delay"


class Proxies:
    """A context that starts the process with the proxies, and sends it commands. `ports` has the port of each proxy, once the context is entered."""

    def __init__(self, targets: dict[str, int]) -> None:
        self.targets = targets
        self.ports: dict[str, int] = {}

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.ledger.proxy", json.dumps(self.targets)]
        leashed = [sys.executable, "-I", "-S", "-c", LEASH, str(os.getpid()), *command]
        self._process = subprocess.Popen(leashed, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, start_new_session=True)
        self.ports = self._receive()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()

    async def become(self, proxy: str, mode: Mode, delay_seconds: float = 0.0) -> None:
        """Switch a proxy to this mode. RESET aborts its open connections once; after that, the proxy passes again."""
        await self._send({"proxy": proxy, "mode": mode.value, "delay": delay_seconds})

    async def cut_off(self, proxies: dict[str, int]) -> None:
        """Cut off some processes, and reconnect all others. `proxies`: the id of each process to cut off, by the name of the proxy to it."""
        await self._send({"cut": proxies})

    async def _send(self, command: dict[str, Any]) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        self._process.stdin.flush()
        await asyncio.to_thread(self._receive)

    def _receive(self) -> dict[str, int]:
        assert self._process.stdout
        answer: dict[str, int] = json.loads(self._process.stdout.readline())
        return answer


class Link:
    """One connection through a proxy, from a client to the proxy's target."""

    def __init__(self, proxy: "Proxy", client: asyncio.StreamWriter) -> None:
        self.proxy = proxy
        self.client_port: int = (client.get_extra_info("peername") or (HOST, 0))[1]
        self.owner = 0
        self.writers = [client]
        self.free = asyncio.Event()

    def reset(self) -> None:
        """Abort the connection with a TCP reset, which both ends notice."""
        for writer in self.writers:
            if writer.transport.is_closing():
                continue
            with suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward data in one direction, until the sender closes its side. Waits while the link is blocked."""
        while chunk := await reader.read(CHUNK_BYTES):
            if self.proxy.delay:
                await asyncio.sleep(self.proxy.delay)
            await self.free.wait()
            writer.write(chunk)
            await writer.drain()
        await self.free.wait()
        writer.write_eof()


class Proxy:
    """One proxy: its mode, its open links (connections), and all processes that are cut off from the network at present.

    `cut`: the id of each of these processes, by the name of the proxy to it. Each proxy has all of them, because it must also block the links that
    these processes have opened through it.
    """

    def __init__(self, name: str, target: int) -> None:
        self.name = name
        self.target = target
        self.mode = Mode.PASS
        self.delay = 0.0
        self.links: set[Link] = set()
        self.cut: dict[str, int] = {}

    def update(self, link: Link) -> None:
        """Let data pass through a link or block it, depending on the mode and on which processes are cut off."""
        if self.mode is Mode.BLACKHOLE or self.name in self.cut or (link.owner and link.owner in self.cut.values()):
            link.free.clear()
        else:
            link.free.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection in both directions, until both are closed."""
        link = Link(self, writer)
        if self.mode is Mode.REFUSE:
            return link.reset()
        if self.cut:
            link.owner = owners(self.cut.values()).get(link.client_port, 0)
        self.links.add(link)
        self.update(link)
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
    """The TCP connections that these processes have opened: the id of the process, by the connection's local port. Source: proc(5), /proc/net/tcp."""
    held = {file: process for process in processes for file in files(process)}
    lines = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return {int(fields[1].rpartition(":")[2], 16): held[file] for fields in lines if (file := f"socket:[{fields[9]}]") in held}


def files(process: int) -> Iterator[str]:
    """The names of the open files and sockets of a process. Empty if the process has ended."""
    with suppress(OSError):
        for descriptor in Path(f"/proc/{process}/fd").iterdir():
            with suppress(OSError):
                yield str(descriptor.readlink())


def execute(proxies: dict[str, Proxy], command: dict[str, Any]) -> None:
    """Execute a command that the ledger has sent with `Proxies`. This function runs in the process of the proxies."""
    if "cut" in command:
        ends = owners(command["cut"].values())
        for proxy in proxies.values():
            proxy.cut = command["cut"]
            for link in proxy.links:
                link.owner = ends.get(link.client_port, 0)
    else:
        proxy = proxies[command["proxy"]]
        mode = Mode(command["mode"])
        proxy.delay = command["delay"] if mode is Mode.DELAY else 0.0
        if mode in (Mode.RESET, Mode.REFUSE):
            for link in list(proxy.links):
                link.reset()
        proxy.mode = Mode.PASS if mode is Mode.RESET else mode
    for proxy in proxies.values():
        for link in proxy.links:
            proxy.update(link)


async def main(targets: dict[str, int]) -> None:
    """Open a proxy for each target, print the ports, and execute commands from the standard input until it ends."""
    proxies = {name: Proxy(name, target) for name, target in targets.items()}
    servers = {name: await asyncio.start_server(proxy.serve, HOST, 0) for name, proxy in proxies.items()}
    print(json.dumps({name: server.sockets[0].getsockname()[1] for name, server in servers.items()}), flush=True)
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while line := await commands.readline():
        execute(proxies, json.loads(line))
        print("{}", flush=True)
    os._exit(0)


if __name__ == "__main__":
    uvloop.run(main(json.loads(sys.argv[1])))
