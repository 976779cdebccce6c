"""What all pages share: their headers, their files, and how values get into them."""

from collections.abc import Iterable
from functools import cache, partial
from html import escape
from importlib.resources import files
from pathlib import PurePath
from string import Template

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

FILES = files("gateway.pages")
MEDIA = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".graphql": "application/graphql"}

# Nothing from elsewhere, nothing inline, in nobody's frame. A page names what else it needs.
POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
# What pages need other than the strict headers of all responses. With the policy "no-referrer" a browser would give `Origin: null` for a form of
# our own, as it does for one of a sandboxed frame of another site. Either way nobody else learns a page's address.
HEADERS = {
    "content-security-policy": f"{POLICY}; form-action 'none'",
    "referrer-policy": "same-origin",
}


class Html(str):
    """Text that is HTML already. Any other text is escaped on its way into a page."""

    __slots__ = ()


def html(template: str, **values: object) -> Html:
    """The template with its `$names` replaced: by HTML as it is, by everything else escaped."""
    return Html(Template(template).substitute({name: value if isinstance(value, Html) else escape(str(value)) for name, value in values.items()}))


def filled(name: str, **values: object) -> Html:
    """The same for a template that is a file."""
    return html(template(name), **values)


@cache
def template(name: str) -> str:
    """A file's text, read once."""
    return FILES.joinpath(name).read_text(encoding="utf-8")


def joined(parts: Iterable[Html]) -> Html:
    """The parts one after the other."""
    return Html("".join(parts))


def served(page: Html, status: int = 200, *, allowing: str = "form-action 'none'") -> HTMLResponse:
    """The response with a page. `allowing` says in the words of a Content-Security-Policy what it may do beyond the policy of all pages."""
    directives = {name: f"{name} {values}" for part in f"{POLICY}; {allowing}".split("; ") for name, _, values in [part.partition(" ")]}
    return HTMLResponse(page, status, {**HEADERS, "content-security-policy": "; ".join(directives.values())})


def assets(*names: str) -> list[Route]:
    """Where the pages' files are."""

    async def asset(content: bytes, media: str, request: Request) -> Response:
        return Response(content, headers=HEADERS, media_type=media)

    return [Route(f"/{name}", partial(asset, FILES.joinpath(name).read_bytes(), MEDIA[PurePath(name).suffix])) for name in names]
