"""GraphiQL at `/graphiql` of a development gateway, from files that `make graphiql` bundles out of npm's packages."""

import json
from dataclasses import asdict
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from gateway.pages.page import assets, rendered, served
from simulation.credentials import Credentials

BUNDLE = Path(__file__).parent / "graphiql"
# Its editor writes style sheets of its own, and works in the background.
ALLOWING = (
    "script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; worker-src 'self'; connect-src 'self'; "
    "form-action 'none'"
)
MISSING = "GraphiQL is not built here: run `make graphiql`, which needs npm, and start the gateway again."


def routes(credentials: Credentials, bundle: Path = BUNDLE) -> list[BaseRoute]:
    """The page and its files."""
    built = (bundle / "graphiql.js").exists()
    parts = [part for part, token in asdict(credentials.tokens).items() if token]
    page = rendered("graphiql.html", credentials=json.dumps(asdict(credentials)), parts=parts)

    async def graphiql(request: Request) -> Response:
        return served(page, allowing=ALLOWING) if built else PlainTextResponse(MISSING, 404)

    files = [Mount("/graphiql", StaticFiles(directory=bundle))] if built else []
    return [Route("/graphiql", graphiql), *assets("graphiql.css"), *files]
