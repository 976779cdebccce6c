"""Templates, headers and files of all HTML pages."""

from functools import partial
from importlib.resources import files
from pathlib import PurePath

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

FILES = files("gateway.pages")
MEDIA = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".graphql": "application/graphql"}

# Nothing from other origins, nothing inline, and no frame of another page. A page adds what else it needs.
POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
# Headers in which pages differ from all other responses. With the referrer policy "no-referrer", a browser would send `Origin: null` with a form
# of ours, just as with a form in another site's sandboxed frame. "same-origin" hides a page's address from other sites as well.
HEADERS = {
    "content-security-policy": f"{POLICY}; form-action 'none'",
    "referrer-policy": "same-origin",
}

TEMPLATES = Environment(loader=PackageLoader("gateway", "pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def rendered(template: str, **values: object) -> str:
    """A template's HTML. The values are escaped."""
    return TEMPLATES.get_template(template).render(values)


def served(page: str, status: int = 200, *, allowing: str = "form-action 'none'") -> HTMLResponse:
    """The response with a page. `allowing` lists Content-Security-Policy directives that replace or extend the policy of all pages."""
    directives = {name: f"{name} {values}" for part in f"{POLICY}; {allowing}".split("; ") for name, _, values in [part.partition(" ")]}
    return HTMLResponse(page, status, {**HEADERS, "content-security-policy": "; ".join(directives.values())})


def assets(*names: str) -> list[Route]:
    """The routes of files that pages load."""

    async def asset(content: bytes, media: str, request: Request) -> Response:
        return Response(content, headers=HEADERS, media_type=media)

    return [Route(f"/{name}", partial(asset, FILES.joinpath(name).read_bytes(), MEDIA[PurePath(name).suffix])) for name in names]
