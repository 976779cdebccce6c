"""Who speaks to the gateway: the company that asks for verifications, and the provider that carries them out."""

from dataclasses import dataclass
from typing import Any, Self

from simulation.client import Client
from simulation.people import Document
from simulation.reasons import Reason
from simulation.steps import Lifecycle, Result

STATE = "fragment State on Verification { id status phase attempt version canRetry reasons { code retryAdvice } events { type } }"
ANSWER = "__typename ... on Verification { ...State } ... on Refusal { code message field }"

CATALOGUE = "{ reasonCodes { code type statuses } }"
READ = f"query ($id: ID!) {{ verification(id: $id) {{ ...State }} }} {STATE}"
CREATE = f"mutation ($input: CreateVerificationInput!) {{ createVerification(input: $input) {{ {ANSWER} }} }} {STATE}"
RETRY = f"mutation ($input: RetryVerificationInput!) {{ retryVerification(input: $input) {{ {ANSWER} }} }} {STATE}"
ANONYMIZE = f"mutation ($id: ID!) {{ anonymizeVerification(id: $id) {{ {ANSWER} }} }} {STATE}"
PROGRESS = f"mutation ($input: ReportProgressInput!) {{ reportProgress(input: $input) {{ {ANSWER} }} }} {STATE}"
RESULT = f"mutation ($input: ReportResultInput!) {{ reportResult(input: $input) {{ {ANSWER} }} }} {STATE}"


@dataclass(frozen=True, slots=True)
class State:
    """What an answer tells of a verification."""

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
    def answered(cls, answer: dict[str, Any]) -> Self:
        """The state in an answer's `Verification`."""
        return cls(
            id=answer["id"],
            status=answer["status"],
            phase=answer["phase"],
            attempt=answer["attempt"],
            version=answer["version"],
            can_retry=answer["canRetry"],
            codes=tuple(reason["code"] for reason in answer["reasons"]),
            advice=tuple(reason["retryAdvice"] for reason in answer["reasons"]),
            last_event=answer["events"][-1]["type"],
        )

    @property
    def final(self) -> bool:
        """Whether there is an outcome."""
        return self.status != "PENDING"


@dataclass(frozen=True, slots=True)
class Integrator:
    """The company. Everything it asks may be asked twice with the effect of once."""

    client: Client
    token: str

    async def catalogue(self) -> list[Reason]:
        """The reason codes that the gateway knows."""
        return [Reason(row["code"], row["type"], tuple(row["statuses"])) for row in await self._ask(CATALOGUE, {})]

    async def verification(self, id: str) -> State | None:
        """A verification as it is now; None where it is gone."""
        found = await self._ask(READ, {"id": id})
        return found and State.answered(found)

    async def create(self, life: Lifecycle, idempotency_key: str) -> State:
        """A life's first attempt."""
        names = {"firstName": life.person.first_name, "lastName": life.person.last_name}
        request = {"reference": life.reference, "redirectionUrl": life.redirection_url, "faceRecognition": life.face_recognition}
        return State.answered(await self._ask(CREATE, {"input": {**names, **request, "idempotencyKey": idempotency_key}}))

    async def retry(self, id: str) -> State:
        """The attempt after that one."""
        return State.answered(await self._ask(RETRY, {"input": {"verificationId": id}}))

    async def anonymize(self, id: str) -> State:
        """A verification without personal data."""
        return State.answered(await self._ask(ANONYMIZE, {"id": id}))

    async def _ask(self, operation: str, variables: dict[str, Any]) -> Any:
        return await self.client.ask("integrator", self.token, operation, variables)


@dataclass(frozen=True, slots=True)
class Provider:
    """The provider. The gateway takes a report with the same event id once."""

    client: Client
    token: str

    async def introduce_itself(self) -> None:
        """Learn early whether the token is accepted. Raises: TokenRefused."""
        await self.client.ask("provider", self.token, "{ __typename }", {})

    async def report_progress(self, id: str, progress: str, event_id: str) -> State:
        """The verification after the person got somewhere."""
        return await self._report(PROGRESS, {"verificationId": id, "progress": progress, "eventId": event_id})

    async def report_result(self, id: str, result: Result, event_id: str) -> State:
        """The verification after its outcome."""
        outcome = {
            "status": result.status,
            "reasonCodes": list(result.codes),
            "extractedDocument": result.document and _input(result.document),
        }
        return await self._report(RESULT, {"verificationId": id, **outcome, "eventId": event_id})

    async def _report(self, operation: str, input: dict[str, Any]) -> State:
        return State.answered(await self.client.ask("provider", self.token, operation, {"input": input}))


def _input(document: Document) -> dict[str, Any]:
    return {
        "fullName": document.full_name,
        "bornOn": document.born_on,
        "type": document.type,
        "issuingCountryCode": document.issuing_country_code,
        "nationalIdentificationNumber": document.national_identification_number,
    }
