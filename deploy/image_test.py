"""Tests the Dockerfile without a Docker engine: builds the image, starts a container and a MongoDB, and sends the gateway a query."""

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx2

from gateway.development.mongod import EmbeddedMongo

PROJECT = Path(__file__).parent.parent
BUILDAH = ("buildah", "--storage-driver", "vfs")
IMAGE = "localhost/verification-gateway:test"
USER = 10001
DEVELOPMENT = ("fiftyone", "pip", "pytest", "tests")
# Modules whose compiled bytecode must be in the image: of the application, of a dependency, and of Python's standard library.
COMPILED = ("gateway.__main__", "domain.reasons", "starlette.routing", "json.decoder", "asyncio.tasks")
REASON_CODES = 41
START_SECONDS = 30
STOP_SECONDS = 20


def main() -> None:
    if os.geteuid():
        sys.exit("run this as root: buildah needs it to build the image here")
    # SystemExit closes the contexts below, so the processes that they started end even if this test is terminated.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("failed: the test was terminated"))
    subprocess.run([PROJECT / "deploy/base-image"], check=True)
    print("building the image", flush=True)
    with built() as image, container() as name, tempfile.TemporaryDirectory() as room, EmbeddedMongo(Path(room)) as mongo:
        expect("the image names its user by number", image["User"] == f"{USER}:{USER}")
        settings = production(mongo.uri)
        gateway = image["Entrypoint"]
        search = f"import importlib.util; print([name for name in {DEVELOPMENT} if importlib.util.find_spec(name)])"
        expect("the image contains no development packages", buildah(*run(name, settings, "python", "-c", search)) == "[]")
        compiled = f"import importlib.util, os; print([name for name in {COMPILED} if not os.path.exists(importlib.util.find_spec(name).cached)])"
        expect("the bytecode of everything is compiled", buildah(*run(name, settings, "python", "-c", compiled)) == "[]")
        token = buildah(*run(name, settings, *gateway, "token", "--workspace", "demo", "--scope", "verification:read", "--ttl", "600"))

        with started(run(name, settings, *gateway, *image["Cmd"])) as server:
            wait_until_ready(server, settings["GATEWAY_PUBLIC_URL"])
            served = innermost(server.pid)
            expect("the gateway's process does not run as root", Path(f"/proc/{served}").stat().st_uid == USER)

            expect("the gateway serves the board that the image has built", serves_page(f"{settings['GATEWAY_PUBLIC_URL']}/"))
            expect("the gateway serves the person's page that the image has built", serves_page(f"{settings['GATEWAY_PUBLIC_URL']}/follow"))
            expect("the gateway serves the catalogue", len(reason_codes(settings["GATEWAY_PUBLIC_URL"], token)) == REASON_CODES)
            # The first element of the list, CMD, is not a part of the command: it says that Docker runs the rest without a shell. If the command
            # fails, the function `buildah` ends the test.
            buildah(*run(name, settings, *image["Healthcheck"]["Test"][1:]))
            expect("the health check passes", True)

            os.kill(served, signal.SIGTERM)
            expect("the gateway ends after SIGTERM", ended(server))


def production(mongo_uri: str) -> dict[str, str]:
    """The settings that `gateway serve` requires, with random keys."""
    port = free_port()
    return {
        "GATEWAY_MONGO_URI": mongo_uri,
        "GATEWAY_TOKEN_KEY": secrets.token_urlsafe(48),
        "GATEWAY_TOKEN_ISSUER": "https://issuer.example",
        "GATEWAY_SIGNING_KEY": secrets.token_urlsafe(48),
        "GATEWAY_FINGERPRINT_KEY": secrets.token_urlsafe(48),
        "GATEWAY_DATA_KEYS": f"1:{b64encode(secrets.token_bytes(32)).decode()}",
        "GATEWAY_PROVIDER": "sandbox",
        "GATEWAY_ALLOW_SANDBOX": "true",
        "GATEWAY_BOARD": "true",
        "GATEWAY_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "GATEWAY_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
    }


def buildah(*arguments: str) -> str:
    """Run buildah. Returns its standard output. If buildah fails, prints its output and ends the test."""
    ran = subprocess.run([*BUILDAH, *arguments], capture_output=True, text=True)
    if ran.returncode:
        sys.exit(f"{ran.stdout}{ran.stderr}buildah {arguments[0]} failed")
    return ran.stdout.strip()


def run(name: str, environment: Mapping[str, str], *command: str) -> list[str]:
    """The arguments with which buildah runs a command in the container with this name, on the network of this machine."""
    variables = [f"--env={key}={value}" for key, value in environment.items()]
    return ["run", "--isolation", "chroot", *variables, name, "--", *command]


@contextmanager
def built() -> Iterator[dict[str, Any]]:
    """Build the image, and remove it at the end of the context. Yields the configuration of the image.

    The image has Docker's format, because the OCI format has no health check.
    """
    buildah("bud", "--isolation", "chroot", "--pull=never", "--format", "docker", "--tag", IMAGE, str(PROJECT))
    try:
        yield json.loads(buildah("inspect", "--type", "image", IMAGE))["Docker"]["config"]
    finally:
        buildah("rmi", IMAGE)


@contextmanager
def container() -> Iterator[str]:
    """Create a container of the image, and remove it at the end of the context. Yields the name of the container."""
    name = buildah("from", "--pull=never", IMAGE)
    try:
        yield name
    finally:
        buildah("rm", name)


@contextmanager
def started(arguments: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Start buildah, and end it at the end of the context. Prints the output of buildah if the test fails meanwhile."""
    with tempfile.TemporaryFile() as output, subprocess.Popen([*BUILDAH, *arguments], stdout=output, stderr=subprocess.STDOUT) as process:
        try:
            yield process
        except BaseException:
            output.seek(0)
            sys.stderr.buffer.write(output.read())
            raise
        finally:
            # Kill the process in the container. buildah then ends too. Killing buildah itself would not end the process in the container.
            while process.poll() is None:
                with suppress(FileNotFoundError, ProcessLookupError):
                    os.kill(innermost(process.pid), signal.SIGKILL)
                time.sleep(0.1)


def wait_until_ready(server: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        with suppress(httpx2.TransportError):
            if httpx2.get(f"{url}/readyz").is_success:
                return
        if server.poll() is not None or time.monotonic() > deadline:
            sys.exit("failed: the gateway becomes ready")
        time.sleep(0.1)


def innermost(process_id: int) -> int:
    """The id of the innermost descendant of this process. For a process of buildah, that is the process in the container."""
    children = [child for task in Path(f"/proc/{process_id}/task").iterdir() for child in (task / "children").read_text().split()]
    return innermost(int(children[0])) if children else process_id


def serves_page(url: str) -> bool:
    """Whether there is a page at this URL, and the script that it loads."""
    script = re.search(r'<script type="module"[^>]* src="\./([^"]+)"', httpx2.get(url).raise_for_status().text)
    return script is not None and httpx2.get(urljoin(url, script[1])).is_success


def reason_codes(url: str, token: str) -> list[Any]:
    answer = httpx2.post(f"{url}/graphql", json={"query": "{ reasonCodes { code } }"}, headers={"authorization": f"Bearer {token}"})
    codes: list[Any] = answer.raise_for_status().json()["data"]["reasonCodes"]
    return codes


def ended(server: subprocess.Popen[bytes]) -> bool:
    """Whether the server ends in time. This does not check the exit code, because buildah returns 1 for every process that a signal ends."""
    with suppress(subprocess.TimeoutExpired):
        server.wait(STOP_SECONDS)
    return server.returncode is not None


def expect(fact: str, holds: bool) -> None:
    if not holds:
        sys.exit(f"failed: {fact}")
    print(f"  {fact}", flush=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
