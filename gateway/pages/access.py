"""How the pages of `gateway dev` receive its addresses and tokens: inside the page, or with a one-time secret if others share the machine."""

import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from simulation.credentials import Credentials

SECRET_HEADER = "x-page-secret"
SECRET_BYTES = 32
USED = "this link was used already, or is not one of this gateway; the terminal of `gateway dev` shows a new one\n"


class PageAccess:
    """Hands the credentials of a development gateway to its pages.

    `signed`: returns the credentials with new tokens. `on_new_link`: shows a link to the user; None if only the user who runs the gateway can open
    its pages. If it is None, the pages contain the credentials. Otherwise the pages fetch them with the secret of a link. Each secret works once:
    `on_new_link` is called with the first link, and with a new link whenever a link was used.
    """

    def __init__(self, signed: Callable[[], Credentials], on_new_link: Callable[[str], None] | None = None) -> None:
        self._signed = signed
        self._on_new_link = on_new_link
        self._secret = ""

    def begin(self) -> None:
        """Make the first link, if links are needed."""
        if self._on_new_link:
            self._secret = secrets.token_urlsafe(SECRET_BYTES)
            # Browsers do not send the part behind "#". So the secret is in no log of a server, and fetching the link in advance does not use it up.
            self._on_new_link(f"{self._signed().url}/console#{self._secret}")

    def embedded(self) -> str:
        """The credentials that a page contains, as JSON; empty if the page needs a link."""
        return "" if self._on_new_link else self._written()

    def redeemed(self, secret: str) -> str | None:
        """The credentials as JSON; None if this is not the secret of the newest link. The secret can't be used again."""
        if not self._secret or not hmac.compare_digest(self._secret.encode(), secret.encode()):
            return None
        self.begin()
        return self._written()

    @property
    def routes(self) -> list[Route]:
        """The endpoint to which a page sends the secret of its link."""
        return [Route("/credentials", self._answer, methods=["POST"])] if self._on_new_link else []

    async def _answer(self, request: Request) -> Response:
        credentials = self.redeemed(request.headers.get(SECRET_HEADER, ""))
        if credentials is None:
            return PlainTextResponse(USED, 403)
        return Response(credentials, media_type="application/json")

    def _written(self) -> str:
        return json.dumps(asdict(self._signed()))
