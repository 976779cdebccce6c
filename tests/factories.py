"""Factories of verifications for tests. They create verifications by applying the rules of the domain."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from domain.deadlines import Windows
from domain.event import Actor, Progress
from domain.identity import DeclaredIdentity, DocumentType, ExtractedDocument
from domain.request import ProviderReference, Request, RetryRequest
from domain.result import Result
from domain.status import Status
from domain.verification import Verification

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
WINDOWS = Windows(link=timedelta(minutes=15), verification=timedelta(days=7))

JEANNE = DeclaredIdentity("Jeanne", "Moreau")
PASSPORT = ExtractedDocument("Jeanne Moreau", "1990-01-23", DocumentType.PASSPORT, "FR", "900123456789012")
REQUEST = Request(JEANNE, "https://shop.example/welcome", reference="order-1")

VERIFIED_RESULT = Result.reported(Status.VERIFIED, [], PASSPORT)
FAILED_RESULT = Result.reported(Status.FAILED, ["IDVV_2101", "IDVV_1301"])
INCONCLUSIVE_RESULT = Result.reported(Status.INCONCLUSIVE, ["IDVV_1314"])
FINAL_RESULTS = (VERIFIED_RESULT, FAILED_RESULT, INCONCLUSIVE_RESULT)

numbers = count(1)


def later(**after_noon: float) -> datetime:
    """An instant relative to NOON; for example, `later(minutes=15, milliseconds=-1)` is a millisecond before 12:15."""
    return NOON + timedelta(**after_noon)


def an_id() -> str:
    """A new id for a verification. An id that is created later sorts later."""
    return f"ver_{next(numbers):032x}"


def a_provider(id: str) -> ProviderReference:
    """A reference to a provider, with the provider's id and link for the verification `id`."""
    return ProviderReference("sandbox", f"sandbox-{id}", f"https://provider.example/{id}")


def a_verification(
    *,
    id: str | None = None,
    workspace: str = "acme",
    provider: ProviderReference | None = None,
    windows: Windows = WINDOWS,
    at: datetime = NOON,
    **request: Any,
) -> Verification:
    """A pending verification whose link was never opened. `request` contains fields that differ from REQUEST."""
    id = id or an_id()
    return Verification.created(id, workspace, replace(REQUEST, **request), provider or a_provider(id), windows, at)


def a_verification_after(progress: Progress | None, at: datetime = NOON) -> Verification:
    """A verification whose individual has taken this step. If `progress` is None, the individual has taken no step."""
    verification = a_verification()
    return verification.progressed(progress, WINDOWS, at) if progress else verification


def a_final_verification(result: Result = FAILED_RESULT, **request: Any) -> Verification:
    """A verification with the outcome of this result."""
    return a_verification(**request).concluded(result, NOON)


def an_anonymized_verification(result: Result = FAILED_RESULT, **request: Any) -> Verification:
    """A verification with the outcome of this result, whose personal data were then removed."""
    return a_final_verification(result, **request).anonymized(Actor.INTEGRATOR, NOON)


def retried(verification: Verification, at: datetime = NOON, **changes: Any) -> tuple[Verification, Verification]:
    """Retry a verification. Returns its new state and the retry. `changes` are the fields of the request for the retry."""
    id = an_id()
    return verification.retried(id, RetryRequest(**changes), a_provider(id), WINDOWS, at)
