"""A verification as it is now: a deadline that has passed is applied before anybody reads of it or acts on it."""

from functools import lru_cache

from domain.errors import NotFound
from domain.verification import Verification
from resolvers.context import Context

OVERDUE = frozenset({"overdue"})


async def current(context: Context, verification_id: str, reading: frozenset[str] | None = None) -> Verification | None:
    """The caller's verification with this id, if there is one; `reading`: what will be asked of it, where that is known.

    Cost: one read by primary key; a write where a deadline has passed.
    """
    found = await context.verifications.get(verification_id, None if reading is None else and_overdue(reading))
    if found and found.overdue(context.services.store.now()):
        return await context.verifications.change(verification_id, lambda verification, at: verification.expired(at))
    return found


@lru_cache(1000)
def and_overdue(reading: frozenset[str]) -> frozenset[str]:
    """These, and what tells whether a deadline has passed."""
    return reading | OVERDUE


async def required(context: Context, verification_id: str, field: str = "verificationId") -> Verification:
    """The same where there must be one. Raises: NotFound, naming the input's field."""
    found = await current(context, verification_id)
    if not found:
        raise NotFound(verification_id, field)
    return found
