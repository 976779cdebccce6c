"""What all HTML pages share: templates, headers and files."""

from functools import partial
from importlib.resources import files
from pathlib import PurePath

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

FILES = files("gateway.pages")
MEDIA = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".graphql": "application/graphql"}

# The Content-Security-Policy of all pages. It allows only style sheets and images of the gateway, nothing inline, and no other page may show a page
# in a frame. Each page adds to the policy what else it needs.
POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
# The headers in which pages differ from all other responses. With the referrer policy "no-referrer", a browser would send `Origin: null` when a form
# of the gateway is submitted. It sends the same for a form in another site's sandboxed frame, which the gateway must refuse. So pages have the policy
# "same-origin", which hides a page's address from other sites, too.
PAGE_HEADERS = {
    "content-security-policy": f"{POLICY}; form-action 'none'",
    "referrer-policy": "same-origin",
}

TEMPLATES = Environment(loader=PackageLoader("gateway", "pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


class PublicFile(Route):
    """The route of a file that is the same for everybody and contains nothing secret, such as a script. Pages of any origin may load it.

    Browsers send the header `Origin` when a page loads a module script or a font. If the page is open under another address than GATEWAY_PUBLIC_URL,
    such as an address inside the company's network, that origin is foreign to the gateway, which would refuse the request for any other route.
    """


def rendered(template: str, **values: object) -> str:
    """The HTML that a template makes from these values. The values are escaped."""
    return TEMPLATES.get_template(template).render(values)


def page_response(page: str, status: int = 200, *, allowing: str = "form-action 'none'") -> HTMLResponse:
    """The response that contains a page. `allowing`: Content-Security-Policy directives that are added to POLICY, or replace directives in it."""
    directives = {name: f"{name} {values}" for part in f"{POLICY}; {allowing}".split("; ") for name, _, values in [part.partition(" ")]}
    return HTMLResponse(page, status, {**PAGE_HEADERS, "content-security-policy": "; ".join(directives.values())})


def assets(*names: str) -> list[PublicFile]:
    """The routes of these files of `gateway/pages/`, which pages load."""

    async def asset(content: bytes, media: str, request: Request) -> Response:
        return Response(content, headers=PAGE_HEADERS, media_type=media)

    return [PublicFile(f"/{name}", partial(asset, FILES.joinpath(name).read_bytes(), MEDIA[PurePath(name).suffix])) for name in names]
