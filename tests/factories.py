"""Factories of verifications for tests, which apply the domain's own rules."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from domain.deadlines import Windows
from domain.event import Actor, Progress
from domain.identity import DeclaredIdentity, DocumentType, ExtractedDocument
from domain.result import Result
from domain.status import Status
from domain.verification import Provider, Request, RetryRequest, Verification

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
    """An instant relative to noon: `later(minutes=15, milliseconds=-1)`."""
    return NOON + timedelta(**after_noon)


def an_id() -> str:
    """A new id. Later ids sort later."""
    return f"ver_{next(numbers):032x}"


def a_provider(id: str) -> Provider:
    """The provider of the verification with this id."""
    return Provider("sandbox", f"sandbox-{id}", f"https://provider.example/{id}")


def a_verification(
    *,
    id: str | None = None,
    workspace: str = "acme",
    provider: Provider | None = None,
    windows: Windows = WINDOWS,
    at: datetime = NOON,
    **request: Any,
) -> Verification:
    """A pending verification whose link was never opened. `request` changes fields of the request."""
    id = id or an_id()
    return Verification.created(id, workspace, replace(REQUEST, **request), provider or a_provider(id), windows, at)


def a_verification_after(progress: Progress | None, at: datetime = NOON) -> Verification:
    """A verification whose individual has completed this step; None: no step."""
    verification = a_verification()
    return verification.progressed(progress, WINDOWS, at) if progress else verification


def a_final_verification(result: Result = FAILED_RESULT, **request: Any) -> Verification:
    """A verification with an outcome."""
    return a_verification(**request).concluded(result, NOON)


def an_anonymized_verification(result: Result = FAILED_RESULT, **request: Any) -> Verification:
    """A verification with an outcome and without personal data."""
    return a_final_verification(result, **request).anonymized(Actor.INTEGRATOR, NOON)


def retried(verification: Verification, at: datetime = NOON, **changes: str) -> tuple[Verification, Verification]:
    """The verification after a retry, and the retry. `changes` are fields of the retry's request."""
    id = an_id()
    return verification.retried(id, RetryRequest(**changes), a_provider(id), WINDOWS, at)
