"""GraphiQL at `/graphiql` of a development gateway. `make graphiql` bundles its files from npm packages."""

from dataclasses import fields
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from gateway.pages.access import PageAccess
from gateway.pages.page import assets, page_response, rendered
from simulation.credentials import Tokens

BUNDLE = Path(__file__).parent / "graphiql"
# What the page may do beyond the policy of all pages: GraphiQL's editor creates style sheets and runs web workers.
GRAPHIQL_POLICY = (
    "script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; worker-src 'self'; connect-src 'self'; "
    "form-action 'none'"
)
NOT_BUILT = "GraphiQL is not built here: run `make graphiql` (it needs Node 20 or newer with npm) and restart the gateway."


def is_bundled(bundle: Path = BUNDLE) -> bool:
    """Whether GraphiQL was bundled into this directory."""
    return (bundle / "graphiql.js").exists()


def routes(access: PageAccess, bundle: Path = BUNDLE) -> list[BaseRoute]:
    """The routes of the page and of the files that it loads. If GraphiQL was not built, the page says how to build it."""
    built = is_bundled(bundle)
    roles = [field.name for field in fields(Tokens)]

    async def graphiql(request: Request) -> Response:
        if not built:
            return PlainTextResponse(NOT_BUILT, 404)
        return page_response(rendered("graphiql.html", credentials=access.embedded(), roles=roles), allowing=GRAPHIQL_POLICY)

    files = [Mount("/graphiql", StaticFiles(directory=bundle))] if built else []
    return [Route("/graphiql", graphiql), *assets("graphiql.css"), *files]
