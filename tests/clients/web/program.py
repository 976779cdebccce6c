"""Runs the programs of this folder on Node, and reads what they print."""

import asyncio
import json
import os
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.serving import KEYS

HERE = Path(__file__).parent
# How long a test waits for a program. It is enough on a machine that is busy with other tests too.
SECONDS = 60

Line = dict[str, Any]


@dataclass
class Program:
    """A running program, and the lines that it has printed."""

    process: Process
    lines: list[Line] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def read(self) -> None:
        """Read what the program prints, until it ends."""
        assert self.process.stdout
        async for line in self.process.stdout:
            async with self.changed:
                try:
                    self.lines.append(json.loads(line))
                except ValueError:
                    self.lines.append({"fault": line.decode()})
                self.changed.notify_all()
        async with self.changed:
            self.lines.append({"exit": await self.process.wait()})
            self.changed.notify_all()

    async def until(self, condition: Callable[["Program"], bool]) -> None:
        """Wait until the condition is true. The test fails if the program prints a fault or ends before that, or if it takes too long."""
        try:
            async with self.changed, asyncio.timeout(SECONDS):
                await self.changed.wait_for(lambda: condition(self) or bool(self.all("fault") or self.all("exit")))
        except TimeoutError:
            pytest.fail(f"it printed {self.lines[-20:]}")
        assert condition(self), self.lines[-20:]
        assert not self.all("fault"), self.all("fault")

    async def printed(self, **line: Any) -> None:
        """Wait until the program has printed a line with these values."""
        await self.until(lambda program: any(line.items() <= each.items() for each in program.lines))

    async def exited(self) -> None:
        """Wait until the program ends by itself, without an error."""
        await self.until(lambda program: program.all("exit") == [0])

    def send(self, command: str) -> None:
        """Send a command to the program."""
        assert self.process.stdin
        self.process.stdin.write(f"{command}\n".encode())

    def all(self, key: str) -> list[Any]:
        """The values of this key in all lines that have it."""
        return [line[key] for line in self.lines if key in line]

    def of(self, key: str) -> list[Line]:
        """All lines that have this key."""
        return [line for line in self.lines if key in line]


@asynccontextmanager
async def program(node: str, name: str | Path, url: str, **environment: str) -> AsyncIterator[Program]:
    """A context in which a program of this folder runs, or the program at an absolute path. The program is killed at the end of the context."""
    variables = {"PATH": os.environ["PATH"], "TOKEN_KEY": KEYS["token_key"], "URL": f"{url}/graphql", **environment}
    process = await asyncio.create_subprocess_exec(node, HERE / name, env=variables, stdin=PIPE, stdout=PIPE, stderr=STDOUT, limit=2**24)
    running = Program(process)
    reading = asyncio.create_task(running.read())
    try:
        yield running
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await reading
