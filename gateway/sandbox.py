"""The sandbox's page: whoever holds a verification's link plays the individual there, and decides the outcome."""

from html import escape
from importlib.resources import files
from string import Template
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from domain.errors import DomainError
from domain.event import Progress
from domain.reasons import CATALOGUE
from domain.result import Result
from domain.status import Status
from domain.verification import Verification
from gateway.http import body
from resolvers.context import Services
from store.verifications import Rule

PATH = "/sandbox/{workspace}/{id}/{signature}"
HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
}

PROGRESS = {
    Progress.LINK_OPENED: "Open the link",
    Progress.CAPTURE_STARTED: "Begin the capture",
    Progress.CAPTURE_COMPLETED: "Complete the capture",
}


def routes(services: Services) -> list[Route]:
    """The page, and what its buttons do."""
    return [Route(PATH, Page(services).show, methods=["GET"]), Route(PATH, Page(services).press, methods=["POST"])]


class Page:
    """One page for each verification."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._template = Template(files("gateway.pages").joinpath("sandbox.html").read_text())

    async def show(self, request: Request) -> Response:
        """Where the verification stands, and what can be pressed."""
        verification = await self._verification(request)
        if not verification:
            return HTMLResponse("<!doctype html><title>Not found</title><p>There is no such verification.", 404, HEADERS)
        return self._page(verification)

    async def press(self, request: Request) -> Response:
        """Do what a button says, then show the page."""
        verification = await self._verification(request)
        if not verification:
            return await self.show(request)
        try:
            rule = self._rule(parse_qs((await body(request)).decode(), max_num_fields=100))
            await self._services.store.within(verification.workspace).change(verification.id, rule)
        except DomainError as error:
            return self._page(verification, str(error), 400)
        except (KeyError, ValueError):
            return self._page(verification, "That is not a button of this page.", 400)
        return RedirectResponse(request.url.path, 303)

    async def _verification(self, request: Request) -> Verification | None:
        place = request.path_params
        if not self._services.provider.signed(place["workspace"], place["id"], place["signature"]):
            return None
        return await self._services.store.within(place["workspace"]).get(place["id"])

    def _rule(self, form: dict[str, list[str]]) -> Rule:
        windows = self._services.windows
        if "progress" in form:
            progress = Progress[form["progress"][0]]
            return lambda verification, at: verification.progressed(progress, windows, at)
        result = Result.reported(Status[form["status"][0]], form.get("codes", []))
        return lambda verification, at: verification.concluded(result, at)

    def _page(self, verification: Verification, trouble: str = "", status: int = 200) -> Response:
        content = self._template.substitute(
            id=escape(verification.id),
            status=verification.status.value,
            phase=verification.phase.meaning,
            reasons="".join(f"<li>{escape(code)}</li>" for code in verification.reasons),
            trouble=f'<p class="trouble">{escape(trouble)}</p>' if trouble else "",
            progress="".join(f'<button name="progress" value="{step.name}">{label}</button>' for step, label in PROGRESS.items()),
            failed=choices(Status.FAILED),
            inconclusive=choices(Status.INCONCLUSIVE),
            redirection=escape(verification.redirection_url, quote=True),
            over="over" if verification.status.final else "open",
        )
        return HTMLResponse(content, status, HEADERS)


def choices(status: Status) -> str:
    """The codes that go with a status, to tick."""
    return "".join(
        f'<label><input type="checkbox" name="codes" value="{reason.code}"> {reason.code} {escape(reason.description)}</label>'
        for reason in CATALOGUE.values()
        if status in reason.statuses
    )
