"""Runs the processes of compose.yaml on this machine, in the order of the file, without a container engine.

Folders of this machine stand for the volumes, free ports of this machine for the addresses in the network of the containers, and the programs of this
machine for those of the images. The commands, the environment, the files and the order are those of compose.yaml.
"""

import asyncio
import os
import re
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from graphlib import TopologicalSorter
from pathlib import Path
from signal import SIGTERM
from typing import Any

from ruamel.yaml import YAML

from gateway.development.mongod import find_mongod
from tests.deploying.recipes import AROUND_NGINX, FEW_CONNECTIONS, executable
from tests.processes.service import free_port
from tests.wire import GENEROUS_SECONDS

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "compose.yaml"
COMPLETED, HEALTHY = "service_completed_successfully", "service_healthy"
# The addresses at which the services of compose.yaml reach each other. Each is replaced by 127.0.0.1 with a port of this machine.
ADDRESSES = ("mongodb:27017", "localhost:27017", "gateway:8000")
PROXY_NETWORK = "172.30.57.0/24"

Service = dict[str, Any]


def services() -> dict[str, Service]:
    """The services of compose.yaml, by name, in an order in which each comes after those on which it depends."""
    found = YAML(typ="safe").load(COMPOSE)["services"]
    order = TopologicalSorter({name: [*service.get("depends_on", {})] for name, service in found.items()}).static_order()
    return {name: found[name] for name in order}


def defaults(text: str) -> str:
    """A text of compose.yaml in which each variable, such as `${NAME:-default}`, is replaced by its default."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


class Containers:
    """The services, with the folder for their volumes. Their addresses stay the same when they are started again, as with a container engine."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self._mongodb, self._gateway = free_port(), free_port()
        self._services = services()
        self._running: dict[str, Process] = {}

    async def up(self) -> None:
        """Start all services in their order, each after the services that it depends on have met their conditions.

        Fails the test if such a service ends with an error, or ends before it is healthy.
        """
        for name, service in self._services.items():
            for dependency, how in service.get("depends_on", {}).items():
                await self._until(dependency, how["condition"])
            self._running[name] = await self._started(name, service)

    async def down(self) -> dict[str, int | None]:
        """End all services in the reverse order. Returns the exit statuses, by name."""
        for process in reversed(self._running.values()):
            if process.returncode is None:
                process.send_signal(SIGTERM)
                await asyncio.wait_for(process.wait(), GENEROUS_SECONDS)
        return {name: process.returncode for name, process in self._running.items()}

    def command(self, name: str, *arguments: str) -> list[str]:
        """The command on this machine that stands for a command in the container of this service."""
        return [self.placed(name, argument) for argument in program(list(arguments))]

    def environment(self, name: str) -> dict[str, str]:
        """The environment of a service: the variables in compose.yaml, and those of this machine, except settings of a gateway."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("GATEWAY_")}
        return {**inherited, **{key: self.placed(name, defaults(value)) for key, value in self._services[name].get("environment", {}).items()}}

    def placed(self, name: str, text: str) -> str:
        """A text of a service with the folders, addresses and ports of this machine instead of those of the container."""
        for source, target in self._folders(name):
            text = re.sub(rf"(?<![\w/.]){target}(?![\w-])", str(source), text)
        for address in ADDRESSES:
            text = text.replace(address, f"127.0.0.1:{self._gateway if address.endswith('8000') else self._mongodb}")
        ports = {"27017": self._mongodb, "8000": self._gateway}
        text = str(ports.get(text, text))
        return text.replace(PROXY_NETWORK, "127.0.0.1").replace("localhost:8443", f"localhost:{self.port}").replace("0.0.0.0", "127.0.0.1")

    def log(self, name: str) -> str:
        """What a service has written."""
        return (self.directory / f"{name}.log").read_text()

    def _folders(self, name: str) -> Iterator[tuple[Path, str]]:
        """The folders or files of this machine that a service sees, and the paths in its container; the deepest paths first."""
        mounts = [volume.removesuffix(":ro").split(":") for volume in self._services[name].get("volumes", [])]
        for source, target in sorted(mounts, key=lambda mount: -len(mount[1])):
            yield ROOT / source if source.startswith(".") else self.directory / "volumes" / self._folder_of(source), target

    def _folder_of(self, volume: str) -> str:
        # The service `keys` mounts each volume `NAME-keys` at /keys/NAME. So the folder `keys` of this machine, which has a folder for each of these
        # volumes, can stand for its /keys.
        return f"keys/{volume.removesuffix('-keys')}" if volume.endswith("-keys") else volume

    async def _started(self, name: str, service: Service) -> Process:
        for folder, _ in self._folders(name):
            if not folder.is_file():
                folder.mkdir(parents=True, exist_ok=True)
        if "nginx" in service.get("image", ""):
            command = self._nginx(name)
        else:
            # A service without an `entrypoint` has that of its image: `gateway` in the image of the gateway. MongoDB's image only runs the command.
            entrypoint = service.get("entrypoint", [] if "mongo" in service["image"] else ["gateway"])
            command = self.command(name, *entrypoint, *service.get("command", []))
        # Only the service `keys` has the argument /keys: the folder in which all of its volumes are mounted.
        command = [part if part != "/keys" else str(self.directory / "volumes" / "keys") for part in command]
        with (self.directory / f"{name}.log").open("wb") as log:
            return await asyncio.create_subprocess_exec(*command, env=self.environment(name), stdout=log, stderr=log, cwd=self.directory)

    def _nginx(self, name: str) -> list[str]:
        """The command of nginx. Its configuration is the file that compose.yaml mounts, inside AROUND_NGINX."""
        [source] = [source for source, target in self._folders(name) if target.endswith("default.conf")]
        text = self.placed(name, source.read_text()).replace("listen 443 ", f"listen 127.0.0.1:{self.port} ")
        (self.directory / "recipe").write_text(text)
        user = "" if os.geteuid() else "user root; "
        (self.directory / "nginx.conf").write_text(AROUND_NGINX.format(user=user, directory=self.directory, connections=FEW_CONNECTIONS))
        return [executable("nginx"), "-p", str(self.directory), "-c", str(self.directory / "nginx.conf"), "-e", str(self.directory / "error.log")]

    async def _until(self, name: str, condition: str) -> None:
        """Wait until a service meets the condition for which another service waits. Fails the test if the service can't meet it any more."""
        process = self._running[name]
        async with asyncio.timeout(2 * GENEROUS_SECONDS):
            if condition == COMPLETED:
                assert await process.wait() == 0, f"{name} failed: {self.log(name)}"
            while condition == HEALTHY and not await self._healthy(name):
                assert process.returncode is None, f"{name} ended: {self.log(name)}"
                await asyncio.sleep(0.1)

    async def _healthy(self, name: str) -> bool:
        _, *command = self._services[name]["healthcheck"]["test"]
        check = await asyncio.create_subprocess_exec(*self.command(name, *command), env=self.environment(name), stderr=asyncio.subprocess.DEVNULL)
        return await check.wait() == 0


def program(command: list[str]) -> list[str]:
    """A command with the program of this machine instead of that of an image."""
    programs = {"python": [sys.executable], "gateway": [sys.executable, "-m", "gateway"], "mongod": [str(find_mongod())]}
    return [*programs[command[0]], *command[1:]]


@asynccontextmanager
async def composed(containers: Containers) -> AsyncIterator[None]:
    """A context in which all services of compose.yaml run. At its end, they are ended."""
    try:
        await containers.up()
        yield
    finally:
        await containers.down()
