"""Observed links: `/v/<token>`, at which the individual goes to the provider, and `/r/<token>`, at which the individual comes back.

The token names a verification, and decides nothing else: both links lead only to addresses that are stored with the verification.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from string import printable
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from domain.errors import BadDocument, Unavailable
from domain.event import Progress
from domain.text import origin, with_parameter
from domain.verification import Verification
from gateway.errors import unexpected
from gateway.pages.languages import preferred_language
from gateway.pages.page import assets, page_response
from gateway.pages.person import RELOAD_SECONDS, WAITING_POLICY, ended_page, preparing_page, ready_page, ready_policy, unavailable_page
from gateway.transports.requests import header_values, request_id
from lifecycle.changes import Changes
from lifecycle.observed_links import LinkTokens, ObservedLinks
from store.verifications import Store

logger = logging.getLogger(__name__)

# READ_SECONDS: how long a response waits for MongoDB to return the verification. RECORD_SECONDS: how long it then waits until the step is recorded;
# after that, the response is sent although the step is not recorded yet.
READ_SECONDS = 5.0
RECORD_SECONDS = 2.0
# The attributes of a verification that the links need.
NEEDED = frozenset({"verification_url", "redirection_url", "overdue"})
# The parameter of the redirection URL that contains the id of the verification.
PARAMETER = "verification"
# The headers with which browsers mark a request that they send in advance, before the person opens the page. Source: Fetch, 2.2.3 (`Sec-Purpose`);
# the others are its predecessors.
ADVANCE_HEADERS = (b"sec-purpose", b"purpose", b"x-purpose", b"x-moz")
ADVANCE = (b"prefetch", b"prerender", b"preview")
VISIBLE_ASCII = "".join(character for character in printable if character.isascii() and not character.isspace())
# The company's page may open the link in a new window, and wait for that window. The usual value of this header, "same-origin", would cut the
# connection between the two windows (`window.opener`), so the responses to links have another value.
OPEN_TO_OPENER = {"cross-origin-opener-policy": "unsafe-none"}

Answer = Callable[[Request, Verification], Awaitable[Response]]


def routes(links: ObservedLinks, changes: Changes, store: Store) -> list[Route]:
    """The routes of the links, and of the files that their pages load."""
    endpoints = LinkEndpoints(links, changes, store)
    return [
        Route("/v/{token}", endpoints.start, methods=["GET", "POST"]),
        Route("/r/{token}", endpoints.come_back, methods=["GET"]),
        *assets("person.css", "person.js"),
    ]


class LinkEndpoints:
    """Answers requests to observed links. A link also works after its workspace has turned observed links off, because people may still have it."""

    def __init__(self, links: ObservedLinks, changes: Changes, store: Store) -> None:
        self._links = links
        self._changes = changes
        self._store = store
        self._recordings: set[asyncio.Task[Verification]] = set()

    async def start(self, request: Request) -> Response:
        """GET and HEAD show a page and record nothing. POST records that the link was opened, and leads to the provider."""
        return await self._answered(request, self._links.starts, self._start)

    async def come_back(self, request: Request) -> Response:
        """GET records that the capture is complete, and redirects to the integrator. HEAD redirects only."""
        if loads_in_advance(request):
            # If a browser loads the link in advance, it may keep a redirect, and send no request when the person then opens the link: the step would
            # not be recorded. Browsers do not keep a response with status 503.
            return Response(status_code=503)
        return await self._answered(request, self._links.returns, self._come_back)

    async def _answered(self, request: Request, tokens: LinkTokens, answer: Answer) -> Response:
        """The response to a request to a link. No error is raised: each becomes a page."""
        language = language_of(request)
        named = tokens.read(request.path_params["token"])
        if not named:
            return person_response(ended_page(language, None), language, 404)
        try:
            async with asyncio.timeout(READ_SECONDS):
                verification = await self._store.within(named.workspace).get(named.verification_id, NEEDED)
            if not verification:
                return person_response(ended_page(language, None), language, 404)
            return await answer(request, verification)
        except (Unavailable, BadDocument, TimeoutError):
            return unavailable_response(language, 503)
        except Exception as cause:  # The edge of the process: no error may reach a browser.
            unexpected(cause, request_id(request))
            return unavailable_response(language, 500)

    async def _start(self, request: Request, verification: Verification) -> Response:
        language, url = language_of(request), verification.verification_url
        if not self._changes.awaits_individual(verification):
            return person_response(ended_page(language, verification.redirection_url), language, 410)
        # The verification has no URL until its provider has accepted it.
        if not isinstance(url, str) or not origin(url):
            return person_response(preparing_page(language), language, allowing=WAITING_POLICY)
        if request.method != "POST":
            return person_response(ready_page(language), language, allowing=ready_policy(url))
        await self._record(verification, Progress.LINK_OPENED)
        if "application/json" in request.headers.get("accept", ""):
            return JSONResponse({"location": url})
        return redirect(url)

    async def _come_back(self, request: Request, verification: Verification) -> Response:
        language, url = language_of(request), verification.redirection_url
        if not origin(url):
            return person_response(ended_page(language, None), language, 410)
        if request.method == "GET":
            await self._record(verification, Progress.CAPTURE_COMPLETED)
        return redirect(with_parameter(url, PARAMETER, verification.id))

    async def _record(self, verification: Verification, progress: Progress) -> None:
        """Record a step of the individual. Returns after RECORD_SECONDS at the latest; if the write takes longer, it goes on in the background."""
        recording = asyncio.create_task(self._changes.report_progress(verification.workspace, verification.id, progress))
        self._recordings.add(recording)
        recording.add_done_callback(self._recorded)
        await asyncio.wait({recording}, timeout=RECORD_SECONDS)

    def _recorded(self, recording: "asyncio.Task[Verification]") -> None:
        self._recordings.discard(recording)
        if not recording.cancelled() and (error := recording.exception()):
            logger.warning("a step of an individual was not recorded (%s)", type(error).__name__)


def loads_in_advance(request: Request) -> bool:
    """Whether a browser or a preview sends this request in advance, before the person opens the link."""
    values = [value.lower() for name in ADVANCE_HEADERS for value in header_values(request.scope, name)]
    return any(word in value for value in values for word in ADVANCE)


def language_of(request: Request) -> str:
    """The language of the page for this request, chosen by the header `Accept-Language`."""
    return preferred_language(",".join(value.decode("latin-1") for value in header_values(request.scope, b"accept-language")))


def person_response(page: str, language: str, status: int = 200, *, allowing: str = "form-action 'none'") -> Response:
    """The response that contains a page for the individual. `allowing`: directives that are added to the Content-Security-Policy of all pages."""
    response = page_response(page, status, allowing=allowing)
    response.headers.update({**OPEN_TO_OPENER, "content-language": language, "vary": "accept-language", "x-robots-tag": "noindex"})
    return response


def unavailable_response(language: str, status: int) -> Response:
    """The response if the verification can't be read: because MongoDB does not answer (503), or because of an unexpected error (500)."""
    response = person_response(unavailable_page(language), language, status, allowing=WAITING_POLICY)
    response.headers["retry-after"] = str(RELOAD_SECONDS)
    return response


def redirect(url: str) -> Response:
    """The redirect to a stored URL. Only characters that a header must not contain are percent-encoded; the rest of the URL stays unchanged."""
    return Response(status_code=303, headers={**OPEN_TO_OPENER, "location": quote(url, safe=VISIBLE_ASCII)})
