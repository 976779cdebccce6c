"""The sandbox provider's links: whoever holds one plays the individual there, and decides the outcome."""

from dataclasses import replace
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from domain.caller import Caller
from domain.errors import BadDocument, Conflict, InvalidInput, NotFound, Unavailable
from domain.event import Progress
from domain.identity import DocumentType, ExtractedDocument
from domain.result import Result
from domain.status import Status
from domain.text import MOST_CHARACTERS
from domain.verification import Verification
from gateway.errors import RequestRefused, unexpected
from gateway.pages.page import assets, served
from gateway.pages.sandbox import notice, page
from gateway.transports.http import body
from gateway.transports.requests import request_id
from resolvers.context import Context, Services
from resolvers.current import required
from store.verifications import Rule

PATH = "/sandbox/{workspace}/{id}/{signature}"
ALLOWING = "form-action 'self'"
MOST_FIELDS = 100


def routes(services: Services) -> list[Route]:
    """Where the links lead, and the page's files."""
    return [Route(PATH, Links(services).answer, methods=["GET", "POST"]), *assets("style.css", "icon.svg", "sandbox.css")]


class Links:
    """One page for each verification.

    A form of another site can't press its buttons: the link is the secret, there is no cookie that a browser would add, and see `Origins`.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    async def answer(self, request: Request) -> Response:
        """The page of a link, whatever happens."""
        try:
            return await (self._press(request) if request.method == "POST" else self._show(request))
        except NotFound:
            return served(notice("There is no such verification", "The link is incomplete, or it was never given out."), 404)
        except RequestRefused as refusal:
            return served(notice("Nothing was changed", f"The reason: {refusal.errors[0]['message']}."), refusal.status)
        except BadDocument as bad:
            return served(notice("The verification can't be read", f"The reason: {bad}."), 409)
        except Conflict as conflict:
            return served(notice("Nothing was changed", f"The reason: {conflict}."), 409)
        except Unavailable:
            return served(notice("Please try again in a moment", "The database did not answer. Then open the link anew."), 503)
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception as cause:  # The edge of the process: nothing of it may reach a browser.
            unexpected(cause, request_id(request))
            return served(notice("Something went wrong", f"It was logged under the request id {request_id(request)}."), 500)

    async def _show(self, request: Request, trouble: str = "", status: int = 200) -> Response:
        context, id = self._context(request), request.path_params["id"]
        verification = await required(context, id)
        return served(page(verification, self._services.windows, self._services.store.now(), trouble), status, allowing=ALLOWING)

    async def _press(self, request: Request) -> Response:
        context, id = self._context(request), request.path_params["id"]
        try:
            form = await body(request.headers.get("content-length", "0"), request.receive)
            rule = self._rule(parse_qs(form.decode(), max_num_fields=MOST_FIELDS))
        except InvalidInput as error:
            return await self._show(request, str(error), 400)
        except (KeyError, ValueError):
            return await self._show(request, "that is not a button of this page", 400)
        await context.verifications.change(id, rule)
        # Relative, so that it holds behind a proxy that serves the gateway under a path of its own.
        return RedirectResponse(request.path_params["signature"], 303)

    def _context(self, request: Request) -> Context:
        """What a link reaches. Raises: NotFound where it isn't one of ours."""
        workspace, id, signature = (request.path_params[name] for name in ("workspace", "id", "signature"))
        if not self._services.provider.signed(workspace, id, signature):
            raise NotFound(id)
        return Context(self._services, Caller("sandbox", workspace, frozenset()))

    def _rule(self, form: dict[str, list[str]]) -> Rule:
        """What a button does. Raises: InvalidInput; KeyError where no button sends such a form."""
        if "progress" in form:
            progress, windows = Progress[form["progress"][0]], self._services.windows
            return lambda verification, at: verification.progressed(progress, windows, at)
        result = Result.reported(Status[form["status"][0]], form.get("codes", []))
        if result.status is Status.VERIFIED:
            return lambda verification, at: verification.concluded(replace(result, document=specimen(verification)), at)
        return lambda verification, at: verification.concluded(result, at)


def specimen(verification: Verification) -> ExtractedDocument:
    """What a document would say of the person who was declared."""
    declared = verification.declared.open() if verification.declared else None
    name = f"{declared.first_name} {declared.last_name}"[:MOST_CHARACTERS] if declared else None
    return ExtractedDocument.extracted(name, "1990-01-23", DocumentType.ID_CARD, "FR", None)
