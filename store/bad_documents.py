"""Documents that this release can't read in whole or in part: a newer release wrote them, or they are damaged."""

import logging
from collections.abc import Iterable
from typing import TypeVar

from domain.errors import BadDocument

logger = logging.getLogger(__name__)

T = TypeVar("T")

# What decoding raises where a value is missing, or is not what it should be.
UNREADABLE = (AttributeError, KeyError, OverflowError, TypeError, ValueError)
MAX_LOGGED = 10_000


class BadDocuments:
    """Counts each time that something could not be read, and logs it once for each verification and field.

    The last 10,000 that were logged are remembered; one that was forgotten is logged again.
    """

    def __init__(self) -> None:
        self.count = 0
        self._logged: dict[tuple[str, str], None] = {}

    def readable(self, rows: Iterable[T | BadDocument]) -> list[T]:
        """The rows without those that can't be read, which are counted and logged."""
        readable = []
        for row in rows:
            if isinstance(row, BadDocument):
                self.found(row)
            else:
                readable.append(row)
        return readable

    def found(self, bad: BadDocument) -> None:
        """Count it, and log it unless that was done already. The line holds an id, a field's name and no value."""
        self.count += 1
        key = bad.verification_id, bad.stored_field
        if key in self._logged:
            return
        if len(self._logged) >= MAX_LOGGED:
            del self._logged[next(iter(self._logged))]
        self._logged[key] = None
        logger.error("%s of verification %s %s", bad.stored_field, bad.verification_id, bad.cause)
