"""The page at `/` of a development gateway: addresses, tokens, and operations to run at once."""

import json
from dataclasses import asdict
from html import escape
from importlib.resources import files
from string import Template

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from gateway.simulation.credentials import Credentials

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
}
MEDIA = {"console.js": "text/javascript", "console.css": "text/css"}


def routes(credentials: Credentials) -> list[Route]:
    """The page and its files."""
    pages = files("gateway.pages")
    page = Template(pages.joinpath("console.html").read_text()).substitute(credentials=escape(json.dumps(asdict(credentials)), quote=True))

    async def console(request: Request) -> Response:
        return HTMLResponse(page, headers=HEADERS)

    async def file(request: Request) -> Response:
        name = request.url.path.removeprefix("/")
        return Response(pages.joinpath(name).read_bytes(), headers=HEADERS, media_type=MEDIA[name])

    return [Route("/", console), *(Route(f"/{name}", file) for name in MEDIA)]
