"""A fake of Yousign's API: a real HTTP server that creates and shows verifications, and sends signed webhooks about their outcomes.

A test orders faults for the next requests, and decides the outcomes. What the fake assumes about the real API is listed in docs/providers.md.
"""

import asyncio
import json
import re
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from time import time
from typing import Any
from uuid import uuid4

import httpx2
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from providers.yousign import DONE, SIGNATURE_HEADER, webhook_signature
from tests.local_server import local_server

PATH = "/v3/verifications/identity_videos"
SLOW_SECONDS = 0.3
NAME = re.compile(r"(?! )[0-9A-Za-z\u00c0-\u017f\u0218-\u021b'()` -]{1,255}(?<! )")
# Characters in the ranges of NAME that the API nevertheless refuses in names.
NOT_IN_NAMES = frozenset("\u00d0\u00d7\u00de\u00f0\u00f7\u00fe")
UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
URL = re.compile(r"https?://[!-~]{1,1990}")
COUNTRY = re.compile("[A-Z]{2}")
LANGUAGE = re.compile("[a-z]{2}")
DOCUMENT = re.compile("id_card|passport|residence_permit|driver_license|travel_document")
# The fields of a creation whose values are texts.
TEXTS = {
    "first_name": NAME,
    "last_name": NAME,
    "redirection_url": URL,
    "workspace_id": UUID,
    "workflow_session_id": UUID,
    "previous_attempt_id": UUID,
    "pre_selected_residence_country_code": COUNTRY,
    "pre_selected_document_issuing_country_code": COUNTRY,
    "pre_selected_document_type": DOCUMENT,
    "pre_selected_locale": LANGUAGE,
}
REQUIRED = ("first_name", "last_name", "redirection_url")
MAX_AGE = 120


class Fault(Enum):
    """What happens to a request. LATE: the fake executes it, and answers only after the HTTP client has timed out. CUT: the fake executes it, and
    closes the connection in the middle of the answer.
    """

    SLOW = "slow"
    LATE = "late"
    CUT = "cut"
    ERROR = "status 500"
    AWAY = "status 503"
    LIMITED = "status 429"
    DENIED = "status 401"
    BAD_BODY = "a body that is not JSON"
    BAD_SHAPE = "an object without the expected fields"


@dataclass
class FakeYousign:
    """The state of the fake: its verifications by id, the faults that were ordered, and the method and path of each request that it received.

    `bodies`: the bodies of the requests that created verifications, by the id of the verification. `headers`: added to each successful answer.
    `pages_url`: the website to which the links of verifications lead. If this is empty, the links lead to the fake, which has no pages there.
    `late_seconds`: how late the answer with Fault.LATE is. `retry_after_seconds`: the header `Retry-After` with Fault.LIMITED.
    """

    api_key: str = "a-yousign-api-key"
    secret: str = "a-yousign-webhook-secret"
    url: str = ""
    pages_url: str = ""
    videos: dict[str, dict[str, Any]] = field(default_factory=dict)
    faults: dict[str, deque[Fault]] = field(default_factory=lambda: {"POST": deque(), "GET": deque()})
    requests: list[tuple[str, str]] = field(default_factory=list)
    bodies: dict[str, dict[str, Any]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    late_seconds: float = 2.0
    retry_after_seconds: int = 1

    def order(self, method: str, *faults: Fault) -> None:
        """Order faults for the next requests with this method, one for each request."""
        self.faults[method].extend(faults)

    def decide(self, id: str, status: str, codes: list[str] | None = None, document: dict[str, Any] | None = None) -> None:
        """Decide the outcome of a verification. Reading it shows the outcome from now on."""
        video = self.videos[id]
        video |= {"status": status, "status_codes": codes or [], "updated_at": now()}
        video["data"]["extracted_from_document"] = document

    def webhook(self, id: str, event_id: str | None = None, **changed: Any) -> tuple[bytes, dict[str, str]]:
        """The body and the headers of the webhook about a verification's state. `changed`: replacements for fields at the body's first level."""
        video = {name: value for name, value in self.videos[id].items() if name not in ("data", "verification_url")}
        envelope = {
            "event_id": event_id or str(uuid4()),
            "event_name": DONE,
            "event_time": str(int(time())),
            "subscription_id": str(uuid4()),
            "subscription_description": "the gateway",
            "sandbox": True,
            "data": {"identity_video": video},
            **changed,
        }
        content = json.dumps(envelope).encode()
        return content, self.signed(content)

    def signed(self, content: bytes) -> dict[str, str]:
        """The headers of a webhook with this body, among them its signature."""
        return {
            SIGNATURE_HEADER: webhook_signature(self.secret, content).decode(),
            "content-type": "application/json",
            "x-yousign-issued-at": str(int(time())),
            "x-yousign-retry": "0",
            "user-agent": "Yousign Webhook Bot",
        }

    async def send(self, to: str, content: bytes, headers: dict[str, str]) -> httpx2.Response:
        """Send a webhook to the URL `to`. Returns the response of the gateway."""
        async with httpx2.AsyncClient(trust_env=False, timeout=10) as client:
            return await client.post(to, content=content, headers=headers)

    async def create(self, request: Request) -> Response:
        """Answer a POST request: create a verification."""
        content = await request.body()
        return await self._answer(request, content, lambda: self._create(content))

    async def show(self, request: Request) -> Response:
        """Answer a GET request: show a verification."""
        video = self.videos.get(request.path_params["id"])
        answer = JSONResponse(video) if video else problem(404, "The verification was not found.")
        return await self._answer(request, b"", lambda: answer)

    async def list(self, request: Request) -> Response:
        """Answer a GET request: list the verifications, without personal data."""
        limit = int(request.query_params.get("limit", "100"))
        metas = [{name: value for name, value in video.items() if name not in ("data", "verification_url")} for video in self.videos.values()]
        return await self._answer(request, b"", lambda: JSONResponse({"meta": {"next_cursor": None}, "data": metas[:limit]}))

    def fault_of(self, request: Request, content: bytes) -> Fault | None:
        """The fault that was ordered for this request; None if none was ordered. `content`: the body of the request, which subclasses use."""
        ordered = self.faults[request.method]
        return ordered.popleft() if ordered else None

    async def _answer(self, request: Request, content: bytes, execute: Callable[[], Response]) -> Response:
        self.requests.append((request.method, request.url.path))
        if request.headers.get("authorization") != f"Bearer {self.api_key}":
            return problem(401, "The API key is not valid.")
        match self.fault_of(request, content):
            case Fault.SLOW:
                await asyncio.sleep(SLOW_SECONDS)
            case Fault.LATE:
                answer = execute()
                await asyncio.sleep(self.late_seconds)
                return answer
            case Fault.CUT:
                execute()
                return CutResponse()
            case Fault.ERROR:
                return problem(500, "Something wrong occurred.")
            case Fault.AWAY:
                return Response("Service Unavailable", 503)
            case Fault.LIMITED:
                seconds = str(self.retry_after_seconds)
                limits = {"retry-after": seconds, "ratelimit-remaining": "0", "ratelimit-reset": seconds}
                return JSONResponse({"message": "Too many requests"}, 429, limits)
            case Fault.DENIED:
                return problem(401, "The API key is not valid.")
            case Fault.BAD_BODY:
                return Response("<html>", 201 if request.method == "POST" else 200)
            case Fault.BAD_SHAPE:
                return JSONResponse({"unexpected": True}, 201 if request.method == "POST" else 200)
        answer = execute()
        answer.headers.update(self.headers)
        return answer

    def _create(self, content: bytes) -> Response:
        body = json.loads(content)
        if refused := refusal(body):
            return problem(400, refused)
        id = str(uuid4())
        self.videos[id] = {
            "id": id,
            "workspace_id": body.get("workspace_id") or str(uuid4()),
            "workflow_session_id": body.get("workflow_session_id"),
            "previous_attempt_id": body.get("previous_attempt_id"),
            "created_at": now(),
            "updated_at": now(),
            "status": "pending",
            "status_codes": [],
            "data_anonymized": False,
            "face_recognition": body.get("face_recognition", False),
            "verification_url": f"{self.pages_url or self.url}/start/{id}",
            "data": {
                "extracted_from_document": None,
                "evidence": {"document_front_image_url": None, "document_back_image_url": None, "face_image_url": None},
            },
        }
        self.bodies[id] = body
        return JSONResponse(self.videos[id], 201)


class CutResponse(Response):
    """A response whose connection is closed before its end."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the first part of the body. uvicorn then closes the connection, because this method returns before the response is complete."""
        await send({"type": "http.response.start", "status": 201, "headers": [(b"content-length", b"1000")]})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})


@asynccontextmanager
async def fake_yousign() -> AsyncIterator[FakeYousign]:
    """A context in which the fake runs, on a free port."""
    fake = FakeYousign()
    async with served(fake):
        yield fake


@asynccontextmanager
async def served(fake: FakeYousign) -> AsyncIterator[None]:
    """A context in which this fake runs, on a free port. Paths may begin with a further part, such as `/gateway-1`, which only subclasses use."""
    paths = [PATH, f"/{{client}}{PATH}"]
    async with local_server([route for path in paths for route in routes_at(path, fake)]) as port:
        fake.url = f"http://127.0.0.1:{port}"
        yield


def routes_at(path: str, fake: FakeYousign) -> list[Route]:
    """The routes of the API below this path."""
    return [Route(path, fake.create, methods=["POST"]), Route(path, fake.list), Route(f"{path}/{{id}}", fake.show)]


def refusal(body: dict[str, Any]) -> str | None:
    """The reason why the API refuses to create a verification with this body; None if the API accepts the body."""
    reasons = [f"{name}: This value should not be blank." for name in REQUIRED if name not in body]
    reasons += [f"{name}: {reason}" for name, value in body.items() if (reason := refusal_of(name, value))]
    return reasons[0] if reasons else None


def refusal_of(name: str, value: Any) -> str | None:
    """The reason why the API refuses this value of a field; None if the API accepts it."""
    match name:
        case "face_recognition" | "pvid":
            valid = isinstance(value, bool)
        case "min_age" | "max_age" if value is not None and type(value) is not int:
            valid = False
        case "min_age" | "max_age" if value is not None and value > MAX_AGE:
            return f"This value should be less than or equal to {MAX_AGE}."
        case "min_age" | "max_age":
            valid = value is None or value >= 1
        case "prohibited_countries":
            valid = value is None or (isinstance(value, list) and bool(value) and all(matches(COUNTRY, country) for country in value))
        case _ if name in TEXTS:
            valid = (value is None and name not in REQUIRED) or matches(TEXTS[name], value)
        case _:
            return "This field was not expected."
    return None if valid else "This value is not valid."


def matches(pattern: re.Pattern[str], value: Any) -> bool:
    """Whether a value is a text that matches the whole pattern. A name must also contain no character of NOT_IN_NAMES."""
    return isinstance(value, str) and pattern.fullmatch(value) is not None and not (pattern is NAME and NOT_IN_NAMES & {*value})


def problem(status: int, detail: str) -> JSONResponse:
    """The response with which the API reports an error."""
    return JSONResponse({"type": "about:blank", "detail": detail}, status)


def now() -> str:
    """The current time, as the API writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


# A line for a section of the providers file. With this line, verifications have the links of the fake, and not observed links of the gateway.
UNOBSERVED = "observe = false\n"


def providers_file(folder: Path, fake: FakeYousign, workspace: str = "acme", more: str = "") -> Path:
    """Write a providers file that makes the fake the provider of a workspace, and files with its secrets. Returns the path of the providers file.

    `more`: further lines of the providers file.
    """
    (folder / "api-key").write_text(fake.api_key + "\n")
    (folder / "webhook-secret").write_text(fake.secret)
    path = folder / "providers.toml"
    section = (
        f'[{workspace}]\nprovider = "yousign"\nbase_url = "{fake.url}/v3"\napi_key_file = "api-key"\nwebhook_secret_files = ["webhook-secret"]\n'
    )
    path.write_text(section + more)
    return path
