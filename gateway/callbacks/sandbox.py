"""The pages behind the links of the sandbox provider. There a tester plays the person who is being verified, and decides the outcome."""

import asyncio
from datetime import timedelta
from typing import NamedTuple
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from domain.deadlines import Windows
from domain.errors import BadDocument, Conflict, InvalidInput, NoProvider, NotFound, Unavailable
from domain.event import Progress
from domain.result import Result
from domain.status import Status
from domain.verification import Verification
from gateway.errors import RequestRefused, unexpected
from gateway.pages.page import assets, page_response
from gateway.pages.sandbox import notice, page
from gateway.transports.http import body
from gateway.transports.requests import request_id
from lifecycle.changes import Changes
from lifecycle.intake import Intake
from providers.choice import Providers
from providers.sandbox import Sandbox
from store.verifications import Store

PATH = "/sandbox/{workspace}/{id}/{signature}"
# The Content-Security-Policy of all pages forbids forms. The pages of the sandbox contain forms, so they replace that directive by this one.
SANDBOX_POLICY = "form-action 'self'"
MAX_FIELDS = 100
# How long a link works after the verification has expired, for trying out a verdict that comes late.
LINK_PATIENCE = timedelta(days=1)


class Link(NamedTuple):
    """A link to the page of a verification. The sandbox has signed it."""

    workspace: str
    verification_id: str
    signature: str


def routes(providers: Providers, changes: Changes, intake: Intake, store: Store, windows: Windows) -> list[Route]:
    """The routes of the links, and of the style sheets and icons that the pages load."""
    return [
        Route(PATH, Links(providers, changes, intake, store, windows).answer, methods=["GET", "POST"]),
        *assets("style.css", "icon.svg", "sandbox.css"),
    ]


class Links:
    """Shows the page of a verification, and carries out what its buttons request.

    Another site can't make a browser press these buttons (CSRF): the link is secret, there are no cookies that a browser would add, and `Origins`
    refuses requests from foreign origins.
    """

    def __init__(self, providers: Providers, changes: Changes, intake: Intake, store: Store, windows: Windows) -> None:
        self._providers = providers
        self._changes = changes
        self._intake = intake
        self._store = store
        self._windows = windows

    async def answer(self, request: Request) -> Response:
        """Handle a request to a link: GET shows the page, POST is a pressed button. Errors become pages with a notice; none is raised."""
        try:
            link = self._link(request)
            return await (self._press(request, link) if request.method == "POST" else self._show(link))
        except (NotFound, NoProvider):
            return page_response(
                notice("There is no such verification", "The link is incomplete or no longer valid, or this gateway did not create it."), 404
            )
        except RequestRefused as refusal:
            return page_response(notice("Nothing was changed", f"The reason: {refusal.errors[0]['message']}."), refusal.status)
        except BadDocument as bad:
            return page_response(notice("The verification can't be read", f"The reason: {bad}."), 409)
        except Conflict as conflict:
            return page_response(notice("Nothing was changed", f"The reason: {conflict}."), 409)
        except Unavailable:
            return page_response(notice("Please try again in a moment", "The database did not answer. Open the link again in a moment."), 503)
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception as cause:  # The edge of the process: no error may reach a browser.
            unexpected(cause, request_id(request))
            return page_response(notice("Something went wrong", f"It was logged under the request id {request_id(request)}."), 500)

    def _link(self, request: Request) -> Link:
        """The link in the URL of a request.

        Raises: NotFound if the sandbox did not sign the link, or the workspace has another provider now; NoProvider if it has none.
        """
        workspace, id, signature = (request.path_params[name] for name in ("workspace", "id", "signature"))
        if not self._sandbox(workspace, id).signed(workspace, id, signature):
            raise NotFound(id)
        return Link(workspace, id, signature)

    def _sandbox(self, workspace: str, id: str) -> Sandbox:
        """The sandbox, if it is the provider of this workspace. Raises: NotFound, NoProvider."""
        provider = self._providers.of(workspace)
        if not isinstance(provider, Sandbox):
            raise NotFound(id)
        return provider

    async def _show(self, link: Link, trouble: str = "", status: int = 200) -> Response:
        return page_response(page(await self._verification(link), self._windows, self._store.now(), trouble), status, allowing=SANDBOX_POLICY)

    async def _press(self, request: Request, link: Link) -> Response:
        try:
            form = await body(request.headers.get("content-length", "0"), request.receive)
            fields = parse_qs(form.decode(), max_num_fields=MAX_FIELDS)
            await self._verification(link)
            await (self._progress(link, fields) if "progress" in fields else self._result(link, fields))
        except InvalidInput as error:
            return await self._show(link, str(error), 400)
        except (KeyError, ValueError):
            return await self._show(link, "that is not a button of this page", 400)
        # The location is relative, so that it is right even behind a proxy that serves the gateway under a path prefix.
        return RedirectResponse(link.signature, 303)

    async def _progress(self, link: Link, fields: dict[str, list[str]]) -> None:
        """Report the progress that the pressed button stands for. Raises: KeyError if the page has no such button."""
        await self._changes.report_progress(link.workspace, link.verification_id, Progress[fields["progress"][0]])

    async def _result(self, link: Link, fields: dict[str, list[str]]) -> None:
        """Report the result that the pressed button stands for, by webhook as other providers do, and wait until it is applied.

        Raises: InvalidInput; KeyError if the page has no such button.
        """
        result = Result.reported(Status[fields["status"][0]], fields.get("codes", []))
        webhook = self._sandbox(link.workspace, link.verification_id).webhook(link.verification_id, result.status, result.reasons)
        if applying := await self._intake.receive(link.workspace, *webhook):
            await asyncio.shield(applying)

    async def _verification(self, link: Link) -> Verification:
        """The verification of a link. Raises: NotFound if there is none, it was started at another provider, or the link has expired."""
        verification = await self._changes.required(self._store.within(link.workspace), link.verification_id)
        if verification.provider.name != Sandbox.name or verification.expires_at + LINK_PATIENCE < self._store.now():
            raise NotFound(link.verification_id)
        return verification
