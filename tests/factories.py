"""Verifications to test with, each made by the domain's own rules."""

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


def later(**than_noon: float) -> datetime:
    """So much after noon: `later(minutes=15, milliseconds=-1)`."""
    return NOON + timedelta(**than_noon)


def an_id() -> str:
    """An id that no other verification has; later ones sort later."""
    return f"ver_{next(numbers):032x}"


def a_provider(id: str) -> Provider:
    """A provider's side of the verification with this id."""
    return Provider("sandbox", f"sandbox-{id}", f"https://provider.example/{id}")


def a_verification(
    *,
    id: str | None = None,
    workspace: str = "acme",
    provider: Provider | None = None,
    windows: Windows = WINDOWS,
    at: datetime = NOON,
    **asked: Any,
) -> Verification:
    """A pending one whose link was never opened; `asked` changes fields of the request."""
    id = id or an_id()
    return Verification.created(id, workspace, replace(REQUEST, **asked), provider or a_provider(id), windows, at)


def a_verification_after(progress: Progress | None, at: datetime = NOON) -> Verification:
    """One whose individual has come so far; None: no step yet."""
    verification = a_verification()
    return verification.progressed(progress, WINDOWS, at) if progress else verification


def a_final_verification(result: Result = FAILED_RESULT, **asked: Any) -> Verification:
    """One with its outcome."""
    return a_verification(**asked).concluded(result, NOON)


def an_anonymized_verification(result: Result = FAILED_RESULT, **asked: Any) -> Verification:
    """One with its outcome and without personal data."""
    return a_final_verification(result, **asked).anonymized(Actor.INTEGRATOR, NOON)


def retried(verification: Verification, at: datetime = NOON, **changes: str) -> tuple[Verification, Verification]:
    """The verification with a retry, and the retry; `changes` are fields of the retry's request."""
    id = an_id()
    return verification.retried(id, RetryRequest(**changes), a_provider(id), WINDOWS, at)
