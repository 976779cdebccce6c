"""A provider for trying out the gateway: on its page, a tester plays the person who is being verified, and decides the outcome."""

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from urllib.parse import quote
from uuid import uuid4

import orjson

from domain.errors import InvalidInput, RequestError
from domain.extraction import MAX_EXTRACTED_CHARACTERS
from domain.identity import DeclaredIdentity
from domain.request import ProviderReference, Request
from domain.status import Status
from providers.port import Start
from providers.reports import BadSignature, RawDocument, Report, Webhook
from providers.scenario import COPIES, Scenario

logger = logging.getLogger(__name__)

# Passes a webhook to the intake of this process (`lifecycle/intake.py`). Arguments: the workspace, the body, and the headers. Returns the task that
# applies the webhook, if there is anything to apply.
SendWebhook = Callable[[str, bytes, Mapping[str, str]], Awaitable[asyncio.Task[None] | None]]
# How long the sandbox waits after each failed try to record a webhook, in seconds. It tries once for each pause, and then gives up.
SENDING_PAUSES = (2.0, 6.0, 30.0)
# The result that the second webhook reports if a scenario has the fault `reordered` (providers/scenario.py). It contradicts the scenario's result.
CONTRADICTION = Scenario(Status.INCONCLUSIVE, ("IDVV_1901",))

SANDBOX_EVENT = "sandbox.done"
SANDBOX_SIGNATURE = "x-sandbox-signature"
STATUSES_BY_VALUE = {status.value: status for status in Status}


class Sandbox:
    """Creates links to the sandbox's page with buttons. Anyone who has a link may press the buttons, so links are signed and can't be guessed.

    The sandbox reports results as other providers do: by webhooks with a signature. It hands them to the intake inside the process, without HTTP.
    The first key signs new links and webhooks. Links and webhooks that were signed with any of the other keys remain valid.
    """

    name = "sandbox"
    immediate = True
    queryable = False

    def __init__(self, public_url: str, keys: Sequence[bytes]) -> None:
        self._public_url = public_url.rstrip("/")
        self._keys = keys
        self._sending: set[asyncio.Task[None]] = set()
        # The gateway's application sets this attribute. While it is None, the sandbox sends no webhooks.
        self.send: SendWebhook | None = None

    def check(self, request: Request) -> None:
        """Check a request for a verification. Its first name must not be a misspelled scenario (see `scenario.py`). Raises: InvalidInput.

        The request must not contain the field `external`, a link that the company has created itself. The field `requirements`, which names what the
        provider must check, has no effect.
        """
        if request.external:
            raise InvalidInput("external", f"is for the provider external only; this workspace has the provider {self.name}")
        Scenario.named(request.declared.first_name)

    async def start(self, start: Start) -> ProviderReference:
        """Create the link for a verification. The link contains everything that the sandbox needs, so the sandbox stores nothing.

        If the first name is a scenario, the sandbox soon sends a webhook about the scenario's outcome, unless the scenario has the fault `lost`. The
        webhook is never sent if the process ends before that.
        Raises: InvalidInput for the same reasons as `check`.
        """
        self.check(start.request)
        workspace, id = start.workspace, start.verification_id
        if (scenario := Scenario.named(start.request.declared.first_name)) and "lost" not in scenario.faults:
            await self._begin(scenario, workspace, id)
        link = f"{self._public_url}/sandbox/{quote(workspace, safe='')}/{id}/{self.signature(workspace, id)}"
        return ProviderReference(self.name, id, link)

    async def end(self) -> None:
        """Abandon the webhooks that are not sent yet, because the process ends."""
        tasks = [*self._sending]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _begin(self, scenario: Scenario, workspace: str, id: str) -> None:
        """Send the webhooks of a scenario: at once with the fault `early`, otherwise in the background after a pause."""
        if "early" in scenario.faults:
            await self._send_all(scenario, workspace, id)
            return
        task = asyncio.create_task(self._send_later(scenario, workspace, id))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send_later(self, scenario: Scenario, workspace: str, id: str) -> None:
        await asyncio.sleep(scenario.delay_seconds)
        for pause in SENDING_PAUSES:
            try:
                await self._send_all(scenario, workspace, id)
                return
            except RequestError as error:
                logger.warning("a webhook of the sandbox could not be recorded (%s)", type(error).__name__)
                await asyncio.sleep(pause)

    async def _send_all(self, scenario: Scenario, workspace: str, id: str) -> None:
        if not self.send:
            return
        webhook = self.webhook(id, scenario.status, scenario.codes)
        copies = COPIES if "duplicated" in scenario.faults else 1
        applying = await asyncio.gather(*(self.send(workspace, *webhook) for _ in range(copies)))
        await asyncio.gather(*filter(None, applying), return_exceptions=True)
        if "reordered" in scenario.faults:
            await self.send(workspace, *self.webhook(id, CONTRADICTION.status, CONTRADICTION.codes))

    def signature(self, workspace: str, verification_id: str) -> str:
        """The signature that the link of this verification contains."""
        return signature(self._keys[0], workspace, verification_id)

    def signed(self, workspace: str, verification_id: str, candidate: str) -> bool:
        """Whether `candidate` is a valid signature for this verification, with any of the keys. Each comparison takes constant time."""
        return any(hmac.compare_digest(signature(key, workspace, verification_id).encode(), candidate.encode()) for key in self._keys)

    def webhook(self, verification_id: str, status: Status, codes: Sequence[str], event_id: str | None = None) -> tuple[bytes, dict[str, str]]:
        """The body and the headers of the webhook about a result. `event_id`: a new one by default."""
        content = orjson.dumps({"id": event_id or uuid4().hex, "verification": verification_id, "status": status.value, "codes": [*codes]})
        return content, {SANDBOX_SIGNATURE: body_signature(self._keys[0], content)}

    def understand(self, content: bytes, headers: Mapping[str, str]) -> Webhook:
        """The webhook with this body. Header names are in lower case. Raises: BadSignature."""
        claimed = headers.get(SANDBOX_SIGNATURE, "").encode()
        # Compare with the signatures of all keys, so that the duration does not reveal which key has signed.
        valid = [hmac.compare_digest(body_signature(key, content).encode(), claimed) for key in self._keys]
        if not any(valid):
            raise BadSignature("the signature of a webhook is missing or wrong")
        body = orjson.loads(content)
        return Webhook(body["id"], SANDBOX_EVENT, body["verification"], Report(STATUSES_BY_VALUE[body["status"]], tuple(body["codes"])), True)

    def specimen(self, declared: DeclaredIdentity | None, status: Status) -> RawDocument | None:
        """A made-up identity document that shows the declared name. It belongs to the result "verified"; other results have none."""
        if status is not Status.VERIFIED:
            return None
        name = f"{declared.first_name} {declared.last_name}"[:MAX_EXTRACTED_CHARACTERS] if declared else None
        return RawDocument(name, "1990-01-23", "id_card", "FR", None)


def body_signature(key: bytes, content: bytes) -> str:
    """The signature of a webhook's body. Its key is derived from the key of links, so that neither signature is valid for the other purpose."""
    return hmac.digest(hmac.digest(key, b"sandbox webhooks", "sha256"), content, "sha256").hex()


def signature(key: bytes, workspace: str, verification_id: str) -> str:
    """The signature of a link: the first 128 bits of an HMAC-SHA256 of the workspace and the id, in hexadecimal digits."""
    return hmac.digest(key, f"sandbox/{workspace}/{verification_id}".encode(), "sha256").hex()[:32]
