"""The page at `/` of a development gateway: addresses, tokens, and example operations to run."""

import json
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.pages.page import assets, page_response, rendered
from simulation.credentials import Credentials

# How the policy of this page differs from that of all pages. `require-trusted-types-for` keeps its script from turning text into HTML by mistake, in
# browsers that support the directive.
CONSOLE_POLICY = "script-src 'self'; connect-src 'self'; form-action 'none'; require-trusted-types-for 'script'"
ASSETS = ("style.css", "icon.svg", "console.css", "console.js", "graphql.js", "operations.graphql")


def routes(credentials: Credentials) -> list[Route]:
    """The routes of the page and of the files that it loads."""
    page = rendered("console.html", credentials=json.dumps(asdict(credentials)))

    async def console(request: Request) -> Response:
        return page_response(page, allowing=CONSOLE_POLICY)

    return [Route("/", console), *assets(*ASSETS)]
