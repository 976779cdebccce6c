"""The board at `/`: the operators' application. `make board` builds its files from `web/board`."""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gateway.pages.page import MEDIA, PAGE_HEADERS, page_response

BOARD_FILES = Path(__file__).parent / "board"
# What the page may do beyond the policy of all pages. It loads nothing from other servers. Scripts and styles inside the HTML are ignored.
BOARD_POLICY = "script-src 'self'; font-src 'self'; connect-src 'self'; form-action 'none'"
# The element of the page that holds the configuration: EMPTY as it was built, FILLED as it is sent. Browsers do not run a script of this type.
EMPTY = '<script id="configuration" type="application/json">{}</script>'
FILLED = '<script id="configuration" type="application/json">%s</script>'
# The name of a file of the bundle contains a hash of its content, so a browser never has to load it again.
A_YEAR = "public, max-age=31536000, immutable"
FONTS = {".woff2": "font/woff2"}

# What the page needs of its gateway, as JSON values: relative addresses, and in development a token.
Configuration = dict[str, Any]


class BoardNotBuilt(Exception):
    """The board is requested, but its files are not there."""

    def __init__(self) -> None:
        super().__init__("GATEWAY_BOARD is on, but the board is not built here: run `make board` (it needs npm), or install a wheel that contains it")


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the bundle, as it is sent. `compressed`: the same content with gzip, or None if that would save less than a tenth."""

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


def configuration_of(processing_seconds: float) -> Configuration:
    """The configuration of the page. `processing_seconds`: how long the provider may check a video before the page calls it too long."""
    return {"graphql": "graphql", "processingSeconds": processing_seconds, "links": {}}


def is_built(bundle: Path = BOARD_FILES) -> bool:
    """Whether the files of the board are there."""
    return (bundle / "index.html").exists()


def routes(configuration: Callable[[], Configuration], bundle: Path = BOARD_FILES) -> list[BaseRoute]:
    """The routes of the page and of its files. `configuration` is called for each request of the page. Raises: BoardNotBuilt."""
    if not is_built(bundle):
        raise BoardNotBuilt
    template = (bundle / "index.html").read_text()
    files = {path.name: Asset.of(path) for path in sorted((bundle / "assets").iterdir())}

    async def board(request: Request) -> Response:
        page = template.replace(EMPTY, FILLED % script_json(configuration()))
        return page_response(page, allowing=BOARD_POLICY)

    async def asset(request: Request) -> Response:
        found = files.get(request.path_params["name"])
        return found.response(request) if found else Response(status_code=404)

    return [Route("/", board), Route("/assets/{name}", asset)]


def production_pages(is_on: bool, processing_seconds: float) -> list[BaseRoute]:
    """The routes of the board in production. `is_on`: GATEWAY_BOARD. Raises: BoardNotBuilt."""
    return routes(lambda: configuration_of(processing_seconds)) if is_on else []


def script_json(value: Configuration) -> str:
    """A value as JSON that can stand in a `<script>` element, because it contains no `<`."""
    return json.dumps(value).replace("<", "\\u003c")
