"""What all pages share: their templates, their headers and their files."""

from functools import partial
from importlib.resources import files
from pathlib import PurePath

from jinja2 import Environment, PackageLoader, StrictUndefined
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


TEMPLATES = Environment(loader=PackageLoader("gateway", "pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def rendered(template: str, **values: object) -> str:
    """The HTML of a template. Values are escaped on their way into it."""
    return TEMPLATES.get_template(template).render(values)


def served(page: str, status: int = 200, *, allowing: str = "form-action 'none'") -> HTMLResponse:
    """The response with a page. `allowing` says in the words of a Content-Security-Policy what it may do beyond the policy of all pages."""
    directives = {name: f"{name} {values}" for part in f"{POLICY}; {allowing}".split("; ") for name, _, values in [part.partition(" ")]}
    return HTMLResponse(page, status, {**HEADERS, "content-security-policy": "; ".join(directives.values())})


def assets(*names: str) -> list[Route]:
    """Where the pages' files are."""

    async def asset(content: bytes, media: str, request: Request) -> Response:
        return Response(content, headers=HEADERS, media_type=media)

    return [Route(f"/{name}", partial(asset, FILES.joinpath(name).read_bytes(), MEDIA[PurePath(name).suffix])) for name in names]
