"""The page at `/console` of a development gateway: addresses, tokens, and example operations to run."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.pages.access import PageAccess
from gateway.pages.page import assets, page_response, rendered

# How the policy of this page differs from that of all pages. `require-trusted-types-for` keeps its script from turning text into HTML by mistake, in
# browsers that support the directive.
CONSOLE_POLICY = "script-src 'self'; connect-src 'self'; form-action 'none'; require-trusted-types-for 'script'"
ASSETS = ("style.css", "icon.svg", "console.css", "console.js", "credentials.js", "graphql.js", "operations.graphql")


def routes(access: PageAccess, *, at_root: bool, documented: bool = False) -> list[Route]:
    """The routes of the page, of the files that it loads, and of the credentials if the page does not contain them.

    `at_root`: whether the page is also at `/`, because the board is not built. `documented`: whether the gateway serves its documentation.
    """

    async def console(request: Request) -> Response:
        # The page is made for each request, because its tokens are valid for a day only.
        return page_response(rendered("console.html", credentials=access.embedded(), documented=documented), allowing=CONSOLE_POLICY)

    paths = ["/console", "/"] if at_root else ["/console"]
    return [*(Route(path, console) for path in paths), *assets(*ASSETS), *access.routes]
