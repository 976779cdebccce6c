"""The simulation's two callers of the gateway: the integrator, a company that requests verifications, and the provider, which reports results."""

from dataclasses import dataclass
from typing import Any, Self

from simulation.client import Client
from simulation.errors import Refused
from simulation.people import Document
from simulation.reasons import Reason
from simulation.steps import Lifecycle, Result

STATE = "fragment State on Verification { id status phase attempt version canRetry reasons { code retryAdvice } events { type } }"
PAYLOAD = "__typename ... on Verification { ...State } ... on Refusal { code message field }"

CATALOGUE = "{ reasonCodes { code type statuses } }"
READ = f"query ($id: ID!) {{ verification(id: $id) {{ ...State }} }} {STATE}"
CREATE = f"mutation ($input: CreateVerificationInput!) {{ createVerification(input: $input) {{ {PAYLOAD} }} }} {STATE}"
RETRY = f"mutation ($input: RetryVerificationInput!) {{ retryVerification(input: $input) {{ {PAYLOAD} }} }} {STATE}"
CLOSE = f"mutation ($input: CloseVerificationInput!) {{ closeVerification(input: $input) {{ {PAYLOAD} }} }} {STATE}"
ANONYMIZE = f"mutation ($id: ID!) {{ anonymizeVerification(id: $id) {{ {PAYLOAD} }} }} {STATE}"
PROGRESS = f"mutation ($input: ReportProgressInput!) {{ reportProgress(input: $input) {{ {PAYLOAD} }} }} {STATE}"
RESULT = f"mutation ($input: ReportResultInput!) {{ reportResult(input: $input) {{ {PAYLOAD} }} }} {STATE}"


@dataclass(frozen=True, slots=True)
class State:
    """The state of a verification, with those fields of the API that the simulation reads."""

    id: str
    status: str
    phase: str
    attempt: int
    version: int
    can_retry: bool
    codes: tuple[str, ...]
    advice: tuple[str, ...]
    last_event: str

    @classmethod
    def parsed(cls, verification: dict[str, Any]) -> Self:
        """Make a state from the JSON of a `Verification` in a response."""
        return cls(
            id=verification["id"],
            status=verification["status"],
            phase=verification["phase"],
            attempt=verification["attempt"],
            version=verification["version"],
            can_retry=verification["canRetry"],
            codes=tuple(reason["code"] for reason in verification["reasons"]),
            advice=tuple(reason["retryAdvice"] for reason in verification["reasons"]),
            last_event=verification["events"][-1]["type"],
        )

    @property
    def final(self) -> bool:
        """Whether the verification has an outcome."""
        return self.status != "PENDING"


@dataclass(frozen=True, slots=True)
class Integrator:
    """The company that requests verifications. All its operations are idempotent, so the client may send them again after a fault."""

    client: Client
    token: str

    async def catalogue(self) -> list[Reason]:
        """The gateway's catalogue of reason codes."""
        return [Reason(row["code"], row["type"], tuple(row["statuses"])) for row in await self._execute(CATALOGUE, {})]

    async def verification(self, id: str) -> State | None:
        """The current state of a verification; None if it does not exist."""
        verification = await self._execute(READ, {"id": id})
        return verification and State.parsed(verification)

    async def create(self, life: Lifecycle, idempotency_key: str) -> State:
        """Create the verification of a life: the first attempt of its chain."""
        names = {"firstName": life.person.first_name, "lastName": life.person.last_name}
        request = {"reference": life.reference, "redirectionUrl": life.redirection_url, "faceRecognition": life.face_recognition}
        return await self._start(CREATE, {**names, **request, "idempotencyKey": idempotency_key}, idempotency_key)

    async def retry(self, id: str) -> State:
        """Create a retry of the verification with this id. Returns the retry."""
        return await self._start(RETRY, {"verificationId": id}, f"retry-{id}")

    async def close(self, id: str, note: str) -> State:
        """Close the verification with this id. Returns its new state."""
        return State.parsed(await self._execute(CLOSE, {"input": {"verificationId": id, "note": note}}))

    async def anonymize(self, id: str) -> State:
        """Remove the personal data of the verification with this id. Returns its new state."""
        return State.parsed(await self._execute(ANONYMIZE, {"id": id}))

    async def _start(self, operation: str, input: dict[str, Any], name: str) -> State:
        try:
            return State.parsed(await self._execute(operation, {"input": input}))
        except Refused as refusal:
            if refusal.field != "external":
                raise
        # The workspace has the provider `external`: the company hands over the link. No company verifies simulated people, so the link leads nowhere.
        external = {"verificationUrl": f"https://provider.example/{name}"}
        return State.parsed(await self._execute(operation, {"input": {**input, "external": external}}))

    async def _execute(self, operation: str, variables: dict[str, Any]) -> Any:
        return await self.client.execute("integrator", self.token, operation, variables)


@dataclass(frozen=True, slots=True)
class Provider:
    """The provider that reports results. The gateway applies reports with the same event id only once, so the client may send them again."""

    client: Client
    token: str

    async def check_token(self) -> None:
        """Check that the gateway accepts the token. Raises: TokenRefused."""
        await self.client.execute("provider", self.token, "{ __typename }", {})

    async def report_progress(self, id: str, progress: str, event_id: str) -> State:
        """Report a step of the individual. Returns the new state of the verification."""
        return await self._report(PROGRESS, {"verificationId": id, "progress": progress, "eventId": event_id})

    async def report_result(self, id: str, result: Result, event_id: str) -> State:
        """Report a result. Returns the new state of the verification."""
        outcome = {
            "status": result.status,
            "reasonCodes": list(result.codes),
            "extractedDocument": result.document and _input(result.document),
        }
        return await self._report(RESULT, {"verificationId": id, **outcome, "eventId": event_id})

    async def _report(self, operation: str, input: dict[str, Any]) -> State:
        return State.parsed(await self.client.execute("provider", self.token, operation, {"input": input}))


def _input(document: Document) -> dict[str, Any]:
    return {
        "fullName": document.full_name,
        "bornOn": document.born_on,
        "type": document.type,
        "issuingCountryCode": document.issuing_country_code,
        "nationalIdentificationNumber": document.national_identification_number,
    }
