"""The board at `/`: the operators' application. `make board` builds its files from `web/board`."""

from collections.abc import Callable
from pathlib import Path

from starlette.routing import BaseRoute

from gateway.pages.bundle import BundlePage, Configuration, bundle_routes, is_built

BOARD_FILES = Path(__file__).parent / "board"


class BoardNotBuilt(Exception):
    """The board is requested, but its files are not there."""

    def __init__(self) -> None:
        super().__init__("GATEWAY_BOARD is on, but the board is not built here: run `make board` (it needs npm), or install a wheel that contains it")


def configuration_of(processing_seconds: float) -> Configuration:
    """The configuration of the page. `processing_seconds`: how long the provider may check a video before the page says that it takes too long."""
    return {"graphql": "graphql", "processingSeconds": processing_seconds, "links": {}}


def routes(configuration: Callable[[], Configuration], bundle: Path = BOARD_FILES) -> list[BaseRoute]:
    """The routes of the page and of its files. `configuration` is called for each request of the page. Raises: BoardNotBuilt."""
    if not is_built(bundle):
        raise BoardNotBuilt
    return bundle_routes(bundle, "/", "assets", lambda request: BundlePage(configuration()))


def production_pages(is_on: bool, processing_seconds: float) -> list[BaseRoute]:
    """The routes of the board in production. `is_on`: GATEWAY_BOARD. Raises: BoardNotBuilt."""
    return routes(lambda: configuration_of(processing_seconds)) if is_on else []
