"""Runs nginx in front of a gateway, with the configuration for WebSockets from nginx's documentation."""

import os
import shutil
import socket
from asyncio import create_subprocess_exec
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.framing.connections import Peer
from tests.prerequisites import missing

# Sources: nginx.org/en/docs/http/websocket.html, and for `keepalive` nginx.org/en/docs/http/ngx_http_upstream_module.html. With `keepalive`, nginx
# sends no `Connection: close`, and uses the connection to the gateway for the next request of any client.
CONFIGURATION = """
daemon off;
{user}
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log notice;
events {{}}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    map $http_upgrade $connection_upgrade {{ default upgrade; '' {otherwise}; }}
    upstream gateway {{ server 127.0.0.1:{gateway_port}; {upstream} }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://gateway;
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            {location}
        }}
    }}
}}
"""


def recipe(kept: int = 0, buffered: bool = True) -> dict[str, str]:
    """The values for those placeholders in CONFIGURATION that differ between tests.

    `kept`: how many idle connections to the gateway nginx keeps. `buffered`: whether nginx reads a whole body before it sends it to the gateway.
    """
    otherwise, upstream = ("''", f"keepalive {kept};") if kept else ("close", "")
    return {"otherwise": otherwise, "upstream": upstream, "location": "" if buffered else "proxy_request_buffering off;"}


def executable() -> str:
    """The path of the nginx executable. If nginx is missing, the test is skipped. In CI the test fails instead, because all tests must run there."""
    # Debian installs nginx in /usr/sbin, which is only in root's PATH.
    found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if not found:
        missing("nginx is missing; on Debian: apt-get install nginx-light")
    return found


@asynccontextmanager
async def nginx(gateway_port: int, directory: Path, chosen: dict[str, str]) -> AsyncIterator[Peer]:
    """Start nginx in front of a gateway, and stop it when the context ends. `chosen`: the values that `recipe` returns.

    nginx inherits a socket that listens already, as it does when it replaces an older nginx. So clients can connect before nginx has started.
    """
    found = executable()
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port: int = bound.getsockname()[1]
        configuration = directory / "nginx.conf"
        # If nginx is started as root, its worker would change to another user, who can't write to the test's directory.
        user = "" if os.geteuid() else "user root;"
        configuration.write_text(CONFIGURATION.format(directory=directory, gateway_port=gateway_port, port=port, user=user, **chosen))
        errors = directory / "error.log"
        process = await create_subprocess_exec(
            *(found, "-p", directory, "-c", configuration, "-e", errors),
            env={"NGINX": f"{bound.fileno()};"},
            pass_fds=[bound.fileno()],
            stdout=DEVNULL,
            stderr=DEVNULL,
        )
    try:
        yield Peer(port)
        assert process.returncode is None, errors.read_text()
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
