"""The two proxies, nginx and HAProxy: how they are configured and started, and how their logs are parsed."""

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from signal import SIGQUIT, SIGUSR1, Signals

# The configurations of the two proxies are as lenient as possible, so that more of the faulty requests reach the gateway.
NGINX = """
{user}daemon off; worker_processes 1; pid {directory}/nginx.pid; error_log {directory}/error.log crit;
events {{ worker_connections 4096; }}
http {{
    log_format entry escape=default '$upstream_status $upstream_http_x_request_id $upstream_addr $target';
    access_log {directory}/entries entry;
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
    client_header_timeout 3s; client_body_timeout 3s; lingering_timeout 1s; keepalive_timeout 10s;
    ignore_invalid_headers off; underscores_in_headers on; merge_slashes off;
    map $http_upgrade $offered {{ default upgrade; '' ''; }}
    upstream gateway {{ server {gateway}; keepalive 4; keepalive_requests 100000; keepalive_timeout 60s; }}
    server {{
        listen 127.0.0.1:{port} default_server backlog=4096;
        proxy_http_version 1.1; proxy_set_header Connection $offered; proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Host $http_host; proxy_next_upstream off; proxy_ignore_client_abort on; proxy_read_timeout 20s;
        # The log uses this copy, because nginx overwrites the buffer of the request line after an upgrade.
        set $target $request_uri;
        location / {{ proxy_pass http://gateway; proxy_request_buffering off; }}
        location /livez {{ proxy_pass http://gateway; }}
    }}
}}
"""
HAPROXY = """
global
    log stdout format raw local0
    nbthread 1
    maxconn 4096
    hard-stop-after 10s
defaults
    mode http
    log global
    option accept-invalid-http-request
    http-reuse always
    retries 0
    timeout connect 5s
    timeout client 3s
    timeout server 20s
    timeout tunnel 3s
    timeout http-keep-alive 10s
frontend clients
    bind 127.0.0.1:{port} backlog 4096
    http-response set-var(txn.status) status
    http-response set-var(txn.id) res.hdr(x-request-id)
    log-format "%[var(txn.status)] %[var(txn.id)] %s %HU"
    default_backend gateway
backend gateway
    option accept-invalid-http-response
    server gateway {gateway} pool-max-conn 4
"""


@dataclass(frozen=True, slots=True)
class Proxy:
    """How to start and stop one proxy. `end`: the signal after which the proxy finishes its open connections and then ends."""

    name: str
    configuration: str
    command: tuple[str, ...]
    end: Signals

    @property
    def path(self) -> str | None:
        """The path of the proxy's executable, None if the proxy is not installed."""
        return shutil.which(self.name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")

    def prepared(self, directory: Path, port: int, gateway: str) -> list[str]:
        """Write the configuration into the directory. Returns the command that runs the proxy. `gateway`: the address of the gateway."""
        user = "user root root; " if os.geteuid() == 0 else ""
        configuration = directory / "configuration"
        configuration.write_text(self.configuration.format(directory=directory, port=port, gateway=gateway, user=user))
        return [self.path or self.name, *(part.format(directory=directory, configuration=configuration) for part in self.command)]


PROXIES = (
    Proxy("nginx", NGINX, ("-p", "{directory}", "-e", "{directory}/error.log", "-c", "{configuration}"), SIGQUIT),
    Proxy("haproxy", HAPROXY, ("-db", "-f", "{configuration}"), SIGUSR1),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A request in a proxy's log."""

    target: bytes
    forwarded: bool
    # The status of the gateway's response, None if there was no response.
    status: int | None
    # The request id in the response that the proxy sent for this request. If it is the id of another request, the proxy has mixed up the responses.
    id: bytes


LINE = re.compile(rb"(\d+|-) (\S+) (\S+) (.*)")
NO_SERVER = (b"-", b"<NOSRV>")
# What a proxy's log contains as the status of the gateway's response, if the gateway did not answer the request.
UNANSWERED = (b"-", b"499", b"502", b"504")


def entries(directory: Path) -> Iterator[Entry]:
    """Parses the log of a proxy that has ended."""
    for line in (directory / "entries").read_bytes().splitlines():
        if found := LINE.fullmatch(line):
            status, id, server, target = found.groups()
            yield Entry(target, server not in NO_SERVER, None if status in UNANSWERED else int(status), id)
