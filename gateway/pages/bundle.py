"""Pages that Vite builds from `web/`: a page, and files whose names contain a hash of their content."""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gateway.pages.page import MEDIA, PAGE_HEADERS, PublicFile, page_response

# What a page may do beyond the policy of all pages. It loads nothing from other servers, and no script or style in the page itself runs.
BUNDLE_POLICY = "script-src 'self'; font-src 'self'; connect-src 'self'; form-action 'none'"
# The element of the page that holds the configuration. Browsers do not run a script of this type.
EMPTY = '<script id="configuration" type="application/json">{}</script>'
FILLED = '<script id="configuration" type="application/json">%s</script>'
# The name of a file of the bundle contains a hash of its content, so a browser never has to load it again.
A_YEAR = "public, max-age=31536000, immutable"
FONTS = {".woff2": "font/woff2"}

# What the page must know about its gateway, as JSON values: relative addresses, and in development a token.
Configuration = dict[str, Any]


@dataclass(frozen=True, slots=True)
class BundlePage:
    """One response with the page. `configuration`: what is written into the page. `policy`: what the page may do beyond the policy of all pages."""

    configuration: Configuration
    policy: str = BUNDLE_POLICY


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the bundle, as it is sent. `compressed`: the same content with gzip; None if gzip would save a tenth or less."""

    content: bytes
    media_type: str
    compressed: bytes | None

    @classmethod
    def of(cls, path: Path) -> "Asset":
        """Read and compress a file."""
        content = path.read_bytes()
        compressed = gzip.compress(content, mtime=0)
        return cls(content, (MEDIA | FONTS)[PurePath(path).suffix], compressed if len(compressed) < len(content) * 0.9 else None)

    def response(self, request: Request) -> Response:
        """The response with this file, compressed if the client accepts that."""
        headers = {**PAGE_HEADERS, "cache-control": A_YEAR, "vary": "accept-encoding"}
        if self.compressed and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(self.compressed, headers={**headers, "content-encoding": "gzip"}, media_type=self.media_type)
        return Response(self.content, headers=headers, media_type=self.media_type)


def is_built(bundle: Path) -> bool:
    """Whether the files of a bundle are there."""
    return (bundle / "index.html").exists()


def bundle_routes(bundle: Path, path: str, assets: str, page_for: Callable[[Request], BundlePage]) -> list[BaseRoute]:
    """The routes of the page of a bundle and of its files.

    `path`: the path of the page. `assets`: the path of the folder with the files. It is the same in the bundle and in the gateway's addresses.
    `page_for`: called for each request of the page.
    """
    template = (bundle / "index.html").read_text()
    files = {file.name: Asset.of(file) for file in sorted((bundle / assets).iterdir())}

    async def page(request: Request) -> Response:
        shown = page_for(request)
        return page_response(template.replace(EMPTY, FILLED % script_json(shown.configuration)), allowing=shown.policy)

    async def asset(request: Request) -> Response:
        found = files.get(request.path_params["name"])
        return found.response(request) if found else Response(status_code=404)

    return [Route(path, page), PublicFile(f"/{assets}/{{name}}", asset)]


def script_json(value: Configuration) -> str:
    """A value as JSON that can stand in a `<script>` element, because it contains no `<`."""
    return json.dumps(value).replace("<", "\\u003c")
