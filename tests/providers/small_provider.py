"""A small provider with an HTTP API and signed webhooks, for the test of the adapter in docs/providers.md."""

import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

API_KEY, WEBHOOK_SECRET = "a key of the provider", "a secret for webhooks"
TIMEOUT_SECONDS = 30


@dataclass
class SmallProvider:
    """A provider. `url`: the address of its API. `sessions`: the JSON of the request that started each session, by the session's id."""

    url: str = ""
    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)

    def notify(
        self, webhooks_url: str, session_id: str, status: str, *reasons: str, event_id: str | None = None, secret: str = WEBHOOK_SECRET
    ) -> int:
        """Send a webhook about a session to `webhooks_url`. Returns the status of the HTTP response.

        `secret`: the key that signs the webhook. `event_id`: the id of an earlier event, to send that event again.
        """
        document = {"fullName": "Jeanne Moreau", "bornOn": "1990-01-23"} if status == "approved" else None
        event = {"id": event_id or f"{session_id}-{status}", "session": session_id, "status": status, "reasons": reasons, "document": document}
        body = json.dumps({**event, "reference": self.sessions[session_id]["reference"]}).encode()
        signature = hmac.digest(secret.encode(), body, "sha256").hex()
        try:
            with urlopen(Request(webhooks_url, body, {"x-signature": signature}), timeout=TIMEOUT_SECONDS) as response:
                status_code: int = response.status
        except HTTPError as refused:
            status_code = refused.code
            refused.close()
        return status_code

    def handler(self) -> type[BaseHTTPRequestHandler]:
        """The class that answers requests to the provider's API. `POST /sessions` with the right key starts a session."""
        provider = self

        class Sessions(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                allowed = self.path == "/sessions" and self.headers["authorization"] == f"Bearer {API_KEY}"
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                id = f"session-{len(provider.sessions) + 1}"
                if allowed:
                    provider.sessions[id] = body
                self.send_response(201 if allowed else 401)
                self.end_headers()
                self.wfile.write(json.dumps({"id": id, "url": f"{provider.url}/{id}"}).encode())

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        return Sessions


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """A context in which an HTTP server answers requests with this class. Yields the address of the server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
