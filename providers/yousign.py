"""The adapter for Yousign's identity verification by video.

Source: Yousign's API v3, "Identity Video Verification", and its guides to webhooks and rate limits.
"""

import hmac
import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from time import monotonic
from typing import Any

import httpx2
import orjson

from domain.errors import InvalidInput, ProviderRefused
from domain.query_budget import QueryBudget
from domain.request import ProviderReference, Request
from domain.requirements import Requirements
from domain.status import Status
from providers.file import YousignSection
from providers.human_names import human_name
from providers.port import Start
from providers.rate_limits import RateLimits
from providers.reports import AccessDenied, BadSignature, GoneAtProvider, ProviderAway, RawDocument, Report, Webhook

YOUSIGN = "yousign"
VIDEOS_PATH = "verifications/identity_videos"
DONE = "verification.identity_video.done"
SIGNATURE_HEADER = "x-yousign-signature-256"
MAX_MESSAGE_CHARACTERS = 300
MAX_ID_CHARACTERS = 255

# The fields of the gateway's own inputs, by the names of the fields that Yousign's refusals mention.
INPUT_FIELDS = {
    "first_name": "firstName",
    "last_name": "lastName",
    "redirection_url": "redirectionUrl",
    "face_recognition": "faceRecognition",
    "min_age": "requirements.minAge",
    "max_age": "requirements.maxAge",
    "prohibited_countries": "requirements.prohibitedCountries",
    "pre_selected_residence_country_code": "requirements.residenceCountry",
    "pre_selected_document_issuing_country_code": "requirements.documentCountry",
    "pre_selected_document_type": "requirements.documentType",
    "pre_selected_locale": "requirements.locale",
}
STATUSES_BY_NAME = {status.value: status for status in Status}
MENTIONED = re.compile("|".join(sorted(INPUT_FIELDS, key=len, reverse=True)))

# Observes a finished request. Arguments: the operation ("create", "read" or "list"), the outcome, and the duration in seconds.
Observe = Callable[[str, str, float], None]


class Yousign:
    """Yousign as the provider of one workspace."""

    name = YOUSIGN
    immediate = False
    queryable = True

    def __init__(self, client: httpx2.AsyncClient, section: YousignSection, observe: Observe) -> None:
        self._client = client
        self._section = section
        self._observe = observe
        self._url = f"{str(section.base_url).rstrip('/')}/{VIDEOS_PATH}"
        self.limits = RateLimits()

    @property
    def budget(self) -> QueryBudget:
        """How often the gateway may read verifications without a webhook, as the workspace's section of the providers file says."""
        return QueryBudget(self._section.reads_per_minute, self._section.reads_per_hour)

    def check(self, request: Request) -> None:
        """Check that Yousign accepts the names, and that the request has no link of its own. Raises: InvalidInput."""
        if request.external:
            raise InvalidInput("external", f"is for the provider external only; this workspace has the provider {self.name}")
        human_names(request)

    async def reachable(self) -> None:
        """Check that Yousign answers and accepts the API key: read a list of one verification. Raises: ProviderAway, AccessDenied."""
        await self._request("list", "GET", f"{self._url}?limit=1")

    async def start(self, start: Start) -> ProviderReference:
        """Start a verification. Returns Yousign's id for it, and the link for the individual.

        Yousign does not recognize repetitions: each call that it executes starts another verification.

        Raises: InvalidInput if Yousign would not accept a name; ProviderRefused, ProviderAway, AccessDenied.
        """
        answer = await self._request("create", "POST", self._url, creation_body(start, self._section))
        id, url = answer.get("id"), answer.get("verification_url")
        if not (isinstance(id, str) and 0 < len(id) <= MAX_ID_CHARACTERS and isinstance(url, str) and url.startswith(("https://", "http://"))):
            raise ProviderAway("the answer to a creation has no id or no link", maybe_executed=True)
        return ProviderReference(YOUSIGN, id, url)

    async def read(self, id: str) -> Report:
        """The state of the verification that has this id at Yousign. Raises: ProviderAway, AccessDenied, GoneAtProvider."""
        answer = await self._request("read", "GET", f"{self._url}/{id}")
        return report(answer) or unreadable()

    def understand(self, content: bytes, headers: Mapping[str, str]) -> Webhook:
        """The webhook with this body. Header names are in lower case. Raises: BadSignature."""
        claimed = headers.get(SIGNATURE_HEADER, "").encode()
        # Compare with the signatures of all secrets, so that the duration does not reveal which secret has signed.
        valid = [hmac.compare_digest(webhook_signature(secret.get_secret_value(), content), claimed) for secret in self._section.webhook_secrets]
        if not any(valid):
            raise BadSignature("the signature of a webhook is missing or wrong")
        return webhook(content)

    async def _request(self, operation: str, method: str, url: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        began_at = monotonic()
        outcome = "away"
        try:
            response = await self._sent(method, url, body)
            self.limits.update(response.headers)
            outcome = OUTCOMES_BY_STATUS.get(response.status_code, "away")
            return answered(response, self.limits.retry_after_seconds(response.headers))
        finally:
            self._observe(operation, outcome, monotonic() - began_at)

    async def _sent(self, method: str, url: str, body: Mapping[str, object] | None) -> httpx2.Response:
        headers = {"authorization": f"Bearer {self._section.api_key.get_secret_value()}", "accept": "application/json"}
        try:
            return await self._client.request(method, url, json=body, headers=headers, follow_redirects=False)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise ProviderAway(f"no connection ({type(error).__name__})") from None
        except httpx2.HTTPError as error:
            raise ProviderAway(f"no answer ({type(error).__name__})", maybe_executed=True) from None


OUTCOMES_BY_STATUS = {200: "done", 201: "done", 400: "refused", 401: "denied", 403: "denied", 404: "missing", 429: "limited"}


def creation_body(start: Start, section: YousignSection) -> dict[str, object]:
    """The body of the request that creates a verification at Yousign. Values that are None are left out. Raises: InvalidInput."""
    first_name, last_name = human_names(start.request)
    wanted = start.request.requirements or Requirements()
    values = {
        "first_name": first_name,
        "last_name": last_name,
        "redirection_url": start.redirection_url,
        "face_recognition": start.request.face_recognition,
        "workspace_id": section.workspace_id and str(section.workspace_id),
        "previous_attempt_id": start.previous.id if start.previous and start.previous.name == YOUSIGN else None,
        "min_age": wanted.min_age,
        "max_age": wanted.max_age,
        "prohibited_countries": list(wanted.prohibited_countries) or None,
        "pre_selected_residence_country_code": wanted.residence_country,
        "pre_selected_document_issuing_country_code": wanted.document_country,
        "pre_selected_document_type": wanted.document_type and wanted.document_type.value,
        "pre_selected_locale": wanted.locale,
    }
    return {name: value for name, value in values.items() if value is not None}


def human_names(request: Request) -> tuple[str, str]:
    """The first and the last name in the spelling that Yousign accepts. Raises: InvalidInput."""
    return human_name("firstName", request.declared.first_name), human_name("lastName", request.declared.last_name)


def answered(response: httpx2.Response, retry_after_seconds: float | None) -> dict[str, Any]:
    """The JSON object in a successful response. Raises: ProviderRefused, ProviderAway, AccessDenied, GoneAtProvider.

    `retry_after_seconds`: how long Yousign demands to wait before the next request; None if it demands nothing.
    """
    content = json_object(response.content)
    match response.status_code:
        case 200 | 201 if content:
            return content
        case 200 | 201:
            unreadable()
        case 400:
            raise refused_creation(content)
        case 401 | 403:
            raise AccessDenied(f"the API key is not accepted (status {response.status_code})")
        case 404 if response.request.method == "GET":
            raise GoneAtProvider("there is no such verification")
        case 404:
            raise AccessDenied("the workspace id or the previous attempt is not accepted (status 404)")
    # Status 504 comes from a proxy in front of Yousign that waited too long. Yousign may have executed the request.
    raise ProviderAway(f"status {response.status_code}", retry_after_seconds, maybe_executed=response.status_code == 504)


def refused_creation(content: Mapping[str, Any]) -> ProviderRefused:
    """The error for an answer with status 400: Yousign's message, and the gateway's input field if the message mentions a field of INPUT_FIELDS."""
    message = content.get("detail")
    message = message[:MAX_MESSAGE_CHARACTERS] if isinstance(message, str) and message else "the provider gave no reason"
    mentioned = MENTIONED.search(message)
    return ProviderRefused(message, INPUT_FIELDS[mentioned[0]] if mentioned else None)


def unreadable() -> Any:
    """Raise the error for a successful answer that can't be understood."""
    raise ProviderAway("the answer can't be understood", maybe_executed=True)


def json_object(content: bytes) -> dict[str, Any]:
    """The JSON object in a body; an empty one if the body is anything else."""
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def report(video: Mapping[str, Any]) -> Report | None:
    """The report in `video`, Yousign's JSON object for a verification; None if its status has no equivalent in the gateway."""
    name, codes, data = video.get("status"), video.get("status_codes"), video.get("data")
    status = STATUSES_BY_NAME.get(name) if isinstance(name, str) else None
    if status is None:
        return None
    read = tuple(code for code in codes if isinstance(code, str)) if isinstance(codes, list) else ()
    extracted = data.get("extracted_from_document") if isinstance(data, dict) else None
    return Report(status, read, document(extracted) if isinstance(extracted, dict) else None)


def document(extracted: Mapping[str, Any]) -> RawDocument | None:
    """The data of the identity document in Yousign's JSON object `extracted_from_document`; None if all values are missing."""
    values = (extracted.get(name) for name in RawDocument._fields)
    raw = RawDocument(*(value if isinstance(value, str) else None for value in values))
    return raw if any(raw) else None


def webhook(content: bytes) -> Webhook:
    """The webhook with this body, whose signature was checked. A body that can't be understood is a webhook without a report."""
    envelope = json_object(content)
    data = envelope.get("data")
    video = data.get("identity_video") if isinstance(data, dict) else None
    video = video if isinstance(video, dict) else {}
    name, event_id, id = text(envelope.get("event_name")), text(envelope.get("event_id")), text(video.get("id"))
    found = report(video) if name == DONE else None
    return Webhook(
        # An event without an id is identified by its content, so that its repetitions are recognized too.
        event_id or sha256(content).hexdigest(),
        name or "",
        id,
        found if found and found.status.final else None,
        envelope.get("sandbox") is True,
    )


def text(value: object) -> str | None:
    """The value if it is a text of 1 to 255 characters, otherwise None."""
    return value if isinstance(value, str) and 0 < len(value) <= MAX_ID_CHARACTERS else None


def webhook_signature(secret: str, content: bytes) -> bytes:
    """The value of the signature header for a body: "sha256=" and the HMAC-SHA256 of the body in hexadecimal digits."""
    return f"sha256={hmac.digest(secret.encode(), content, 'sha256').hex()}".encode()
