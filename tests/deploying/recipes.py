"""Runs nginx and HAProxy with the recipes of docs/deploying.md. Only addresses, paths and some times in the recipes are replaced."""

import asyncio
import os
import re
import shutil
import ssl
from asyncio import create_subprocess_exec
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from signal import SIGHUP, SIGTERM, SIGUSR2, Signals

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.prerequisites import missing
from tests.processes.service import free_port
from tests.wire import GENEROUS_SECONDS

PAGE = Path(__file__).parents[2] / "docs" / "deploying.md"
GATEWAYS = ("10.0.0.11:8000", "10.0.0.12:8000")
PROXY_NAMES = ("nginx", "haproxy")
HOST = "gateway.example.com"
# How many connections a proxy may have, to clients and to gateways together, unless a caller of `proxy` needs more.
FEW_CONNECTIONS = 500
# nginx's main configuration, which includes the recipe as the one in Debian's package includes sites. All files are in the test's directory.
AROUND_NGINX = """
{user}daemon off; worker_processes 1; pid {directory}/nginx.pid; error_log {directory}/error.log notice;
events {{ worker_connections {connections}; }}
http {{
    access_log off; client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
    include {directory}/recipe;
}}
"""


def recipe(name: str) -> str:
    """The recipe for a proxy, from docs/deploying.md. `name`: an element of PROXY_NAMES."""
    found = re.search(rf"^```{name}\n(.+?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert found, f"docs/deploying.md has no recipe for {name}"
    return found[1]


def executable(name: str) -> str:
    """The path of a program. If the program is missing, the test is skipped. In CI the test fails instead, because all tests must run there."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if not found:
        package = {"nginx": "nginx-light", "systemd-analyze": "systemd"}.get(name, name)
        missing(f"{name} is missing; on Debian: apt-get install {package}")
    return found


def write_certificate(directory: Path) -> ssl.SSLContext:
    """Write a new certificate of HOST and its key into the directory. Returns the context with which clients trust it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST), x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (directory / "certificate").write_bytes(certificate)
    (directory / "key").write_bytes(secret)
    (directory / "both").write_bytes(certificate + secret)
    return ssl.create_default_context(cadata=certificate.decode())


def replacements(name: str, directory: Path, port: int, gateways: tuple[int, int], connections: int) -> Iterator[tuple[str, str]]:
    """What is replaced in a recipe: pairs of a text of the recipe, and the text that the test needs instead."""
    for address, gateway in zip(GATEWAYS, gateways, strict=True):
        yield f"{address}", f"127.0.0.1:{gateway}"
    if name == "nginx":
        yield "    listen [::]:443 ssl http2;\n", ""
        yield "listen 443 ", f"listen 127.0.0.1:{port} "
        yield "/etc/ssl/gateway.pem", f"{directory}/certificate"
        yield "/etc/ssl/gateway.key", f"{directory}/key"
    else:
        yield "bind :::443 v4v6 ", f"bind 127.0.0.1:{port} "
        yield "/etc/haproxy/gateway.pem", f"{directory}/both"
        # HAProxy needs two open files for each connection of a client. Some machines do not allow 40,000 open files, so the limit is lowered.
        yield "maxconn 20000", f"maxconn {connections}"


@dataclass(frozen=True, slots=True)
class RunningProxy:
    """A proxy that runs with a recipe. `trust`: the context with which clients trust its certificate."""

    name: str
    port: int
    directory: Path
    process: Process
    trust: ssl.SSLContext

    @property
    def url(self) -> str:
        """The URL under which clients reach the gateways."""
        return f"https://127.0.0.1:{self.port}"

    def reload(self, gateways: tuple[int, int]) -> None:
        """Write a recipe that names these gateways, and let the proxy read it. `gateways`: their ports."""
        write_recipe(self.name, self.directory, self.port, gateways, {})
        reload_signal: Signals = SIGHUP if self.name == "nginx" else SIGUSR2
        self.process.send_signal(reload_signal)


def write_recipe(
    name: str, directory: Path, port: int, gateways: tuple[int, int], changed: dict[str, str], connections: int = FEW_CONNECTIONS
) -> None:
    """Write the configuration of a proxy into the directory. `changed`: further texts of the recipe that are replaced."""
    text = recipe(name)
    for old, new in [*replacements(name, directory, port, gateways, connections), *changed.items()]:
        assert old in text, f"the recipe for {name} does not contain {old!r}"
        text = text.replace(old, new)
    (directory / "recipe").write_text(text)
    # If nginx is started as root, its worker would change to another user, who can't write to the test's directory.
    user = "" if os.geteuid() else "user root; "
    (directory / "nginx.conf").write_text(AROUND_NGINX.format(user=user, directory=directory, connections=connections))


@asynccontextmanager
async def proxy(
    name: str, directory: Path, gateways: tuple[int, int], changed: dict[str, str] | None = None, connections: int = FEW_CONNECTIONS
) -> AsyncIterator[RunningProxy]:
    """Run a proxy in front of two gateways, given by their ports. The context begins when the proxy accepts connections.

    `changed`: further texts of the recipe that are replaced. `connections`: how many connections the proxy may have.
    """
    program, port, trust = executable(name), free_port(), write_certificate(directory)
    write_recipe(name, directory, port, gateways, changed or {}, connections)
    errors = directory / "errors"
    arguments = ["-p", directory, "-c", directory / "nginx.conf", "-e", errors] if name == "nginx" else ["-W", "-db", "-f", directory / "recipe"]
    with errors.open("wb") as log:
        process = await create_subprocess_exec(program, *map(str, arguments), stdout=log, stderr=log)
    try:
        await listens(port, process, errors)
        yield RunningProxy(name, port, directory, process, trust)
        assert process.returncode is None, ended(errors)
    finally:
        if process.returncode is None:
            process.send_signal(SIGTERM)
        await process.wait()


def ended(errors: Path) -> str:
    """What the proxy has written before it ended."""
    return errors.read_text()


async def listens(port: int, process: Process, errors: Path) -> None:
    """Wait until the proxy accepts connections. Fails the test if the proxy ends."""
    async with asyncio.timeout(GENEROUS_SECONDS):
        while True:
            assert process.returncode is None, ended(errors)
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
