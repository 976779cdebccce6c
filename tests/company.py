"""A company with a separate workspace at a running gateway, for tests. It acts as an integrator and as a provider, through the API."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from pymongo.collection import Collection

from domain.caller import Scope
from domain.verification import Verification
from tests.serving import Gateway
from tests.storing import encode

ANSWER = """
fragment Answer on VerificationResult {
  __typename
  ... on Verification { id version status phase attempt canRetry verificationUrl reasons { code } }
  ... on Refusal { code field message }
}
"""
PERSON = {"firstName": "Jeanne", "lastName": "Moreau", "redirectionUrl": "https://shop.example/welcome"}
LINK_OPENED, CAPTURE_STARTED, CAPTURE_COMPLETED = "LINK_OPENED", "CAPTURE_STARTED", "CAPTURE_COMPLETED"

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Company:
    """A workspace, the gateway that serves it, and the collection in which the gateway stores verifications."""

    gateway: Gateway
    collection: Collection[dict[str, Any]]
    workspace: str = field(default_factory=lambda: f"company-{uuid4().hex[:12]}")

    def token(self, *scopes: Scope, ttl: timedelta = timedelta(hours=1)) -> str:
        """A new token of this company with these scopes, or with the scopes of an integrator if none are given."""
        return self.gateway.token(*scopes, workspace=self.workspace, ttl=ttl)

    async def ask(self, query: str, variables: dict[str, Any] | None = None, token: str | None = None) -> dict[str, Any]:
        """Execute an operation. Returns the data of the response. Fails the test if the response has errors."""
        return await self.gateway.query(query, variables, token or self.token())

    async def answer(self, query: str, variables: dict[str, Any] | None = None, token: str | None = None) -> dict[str, Any]:
        """Execute an operation. Returns the whole response, which may have errors."""
        response: dict[str, Any] = (await self.gateway.post(query, variables, token or self.token())).json()
        return response

    async def create(self, token: str | None = None, **changed: Any) -> Answer:
        """Create a verification of Jeanne Moreau. Returns the verification or the refusal. `changed`: other values for fields of the input."""
        return await self._mutate("createVerification", {**PERSON, **changed}, token or self.token())

    async def created(self, **changed: Any) -> str:
        """Create a verification. Returns its id."""
        id: str = (await self.create(**changed))["id"]
        return id

    async def progress(self, id: str, progress: str, token: str | None = None, **more: Any) -> Answer:
        """Report a step of the person who is being verified, as the provider does. Returns the verification or the refusal."""
        return await self._mutate("reportProgress", {"verificationId": id, "progress": progress, **more}, token or self.token(Scope.REPORT))

    async def result(self, id: str, status: str, *codes: str, token: str | None = None, **more: Any) -> Answer:
        """Report a result, as the provider does. Returns the verification or the refusal."""
        input = {"verificationId": id, "status": status, "reasonCodes": list(codes), **more}
        return await self._mutate("reportResult", input, token or self.token(Scope.REPORT))

    async def retry(self, id: str, token: str | None = None, **changed: Any) -> Answer:
        """Retry the attempt `id`. Returns the next attempt or the refusal. `changed`: values in which the next attempt differs from `id`."""
        return await self._mutate("retryVerification", {"verificationId": id, **changed}, token or self.token())

    async def close(self, id: str, token: str | None = None, **more: Any) -> Answer:
        """Close a verification. Returns the verification or the refusal."""
        return await self._mutate("closeVerification", {"verificationId": id, **more}, token or self.token())

    async def anonymize(self, id: str, token: str | None = None, whole_chain: bool = False) -> Answer:
        """Remove the personal data of a verification, or of its whole chain. Returns the verification or the refusal."""
        query = "mutation($id: ID!, $whole: Boolean!) { answer: anonymizeVerification(id: $id, wholeChain: $whole) { ...Answer } }" + ANSWER
        answer: Answer = (await self.ask(query, {"id": id, "whole": whole_chain}, token))["answer"]
        return answer

    async def issue(self, id: str, seconds: int = 900, token: str | None = None) -> Answer:
        """Request a follow token. Returns the token or the refusal."""
        query = """
            mutation($id: ID!, $seconds: Int!) {
              answer: issueFollowToken(verificationId: $id, ttlSeconds: $seconds) {
                __typename ... on FollowToken { token expiresAt } ... on Refusal { code field message }
              }
            }
        """
        answer: Answer = (await self.ask(query, {"id": id, "seconds": seconds}, token))["answer"]
        return answer

    async def follow_token(self, id: str) -> str:
        """Issue a follow token, which is for the browser of the person who is being verified. Returns the token."""
        token: str = (await self.issue(id))["token"]
        return token

    def keep(self, *verifications: Verification) -> None:
        """Insert verifications into the database directly, not through the gateway."""
        self.collection.insert_many([encode(verification) for verification in verifications])

    def kept(self) -> list[dict[str, Any]]:
        """All documents of this company in the database, ordered by id. They are read without the gateway."""
        return list(self.collection.find({"workspace": self.workspace}).sort("_id"))

    async def _mutate(self, name: str, input: dict[str, Any], token: str) -> Answer:
        query = f"mutation($input: {name[0].upper()}{name[1:]}Input!) {{ answer: {name}(input: $input) {{ ...Answer }} }}{ANSWER}"
        answer: Answer = (await self.ask(query, {"input": input}, token))["answer"]
        return answer
