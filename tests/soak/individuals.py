"""The integrator's clients, who create verifications, and the individuals, who open links and come back."""

import asyncio
from random import Random
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import httpx2

from tests.soak.gateways import Fleet, token
from tests.soak.plan import OBSERVED, WORKSPACES, Fate, Sending
from tests.soak.provider import SoakYousign
from tests.soak.records import Records

CREATE = """
mutation($input: CreateVerificationInput!) {
  createVerification(input: $input) { ... on Verification { id status verificationUrl provider { id } } ... on Refusal { code field } }
}
"""
READ = "query($id: ID!) { verification(id: $id) { id status verificationUrl provider { id } } }"
REFUSED_AGE, ACCEPTED_AGE = 130, 18
ANSWER_SECONDS = 20.0
POLL_SECONDS, MAX_POLL_SECONDS = 0.5, 6.0
# How long an individual tries to open a page, while gateways are killed and start again.
OPENING_SECONDS = 180.0


class Individuals:
    """Creates verifications, and lets the individuals go through them."""

    def __init__(self, fake: SoakYousign, fleet: Fleet, client: httpx2.AsyncClient, chance: Random, records: Records) -> None:
        self._fake = fake
        self._fleet = fleet
        self._client = client
        self._chance = chance
        self._records = records
        self._tokens = {workspace: token(workspace) for workspace in WORKSPACES}

    async def started(self, fate: Fate) -> str | None:
        """Create a verification, wait until it is started, and let its individual go through it if its fate (`Fate.visits`) says so.

        Returns the provider's id of the verification; None if the provider refused it or gave no answer.
        """
        created = await self._answered(fate, CREATE, {"input": request_of(fate)})
        if "code" in created:
            if not fate.refused or created["code"] != "PROVIDER_REFUSED":
                self._records.complaints.append(f"{fate.name}: its creation was refused with {created['code']}")
            return None
        self._records.created[fate.number] = created["id"]
        pause = POLL_SECONDS / 2
        while not created["provider"]["id"]:
            if created["status"] != "PENDING":
                return None
            # After a kill, many verifications wait at the same time. So each of these loops polls less and less often.
            pause = min(2 * pause, MAX_POLL_SECONDS)
            await asyncio.sleep(pause * self._chance.uniform(0.5, 1.5))
            created = await self._answered(fate, READ, {"id": created["id"]})
        if fate.visits and fate.sending is not Sending.EARLY:
            await self._visit(fate, created["provider"]["id"], created["verificationUrl"])
        provider_id: str = created["provider"]["id"]
        return provider_id

    async def _visit(self, fate: Fate, video: str, link: str) -> None:
        """Open the link, and come back from the provider."""
        target = self._fake.videos[video]["verification_url"]
        if fate.workspace == OBSERVED:
            opened = await self._requested("POST", urlsplit(link).path)
            link = opened.headers.get("location", "") if opened else target
        if link != target:
            self._records.complaints.append(f"{fate.name}: its link leads to {link}, and not to the provider's {target}")
        await asyncio.sleep(fate.delay_seconds / 2)
        if fate.workspace == OBSERVED:
            await self._requested("GET", urlsplit(self._fake.bodies[video]["redirection_url"]).path)

    async def _requested(self, method: str, path: str) -> httpx2.Response | None:
        """Send a request of a browser to any gateway, until one answers with a redirect. Returns None if that took too long."""
        deadline = monotonic() + OPENING_SECONDS
        while monotonic() < deadline:
            try:
                response = await self._client.request(method, f"{self._fleet.any().url}{path}", timeout=ANSWER_SECONDS)
            except (httpx2.HTTPError, AttributeError):
                # The HTTP client raises AttributeError if a connection is reset while it is being opened.
                response = None
            if response is not None and response.status_code == 303:
                return response
            await asyncio.sleep(self._chance.uniform(0.1, 0.5))
        self._records.complaints.append(f"{method} {path.rpartition('/')[0]} was never answered with 303")
        return None

    async def _answered(self, fate: Fate, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Send an operation to any gateway, until one answers without an error. The idempotency key makes the repetitions harmless."""
        headers = {"authorization": f"Bearer {self._tokens[fate.workspace]}"}
        while True:
            try:
                url = f"{self._fleet.any().url}/graphql"
                response = await self._client.post(url, json={"query": query, "variables": variables}, headers=headers, timeout=ANSWER_SECONDS)
                answer = response.json()
            except (httpx2.HTTPError, AttributeError, ValueError):
                # The HTTP client raises AttributeError if a connection is reset while it is being opened.
                answer = {"errors": []}
            if "errors" not in answer:
                found: dict[str, Any] = next(iter(answer["data"].values()))
                return found
            await asyncio.sleep(self._chance.uniform(0.1, 0.8))


def request_of(fate: Fate) -> dict[str, Any]:
    """The input that creates a verification. The provider refuses it if the fate says so."""
    return {
        "firstName": "Ada",
        "lastName": fate.name,
        "redirectionUrl": "https://shop.example/welcome",
        "reference": fate.name,
        "idempotencyKey": fate.name,
        "requirements": {"minAge": REFUSED_AGE if fate.refused else ACCEPTED_AGE},
    }
