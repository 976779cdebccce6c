"""Documents that this release can't read in whole or in part: a newer release wrote them, or they are damaged."""

import logging
from collections.abc import Iterable
from typing import TypeVar

from domain.errors import BadDocument

logger = logging.getLogger(__name__)

T = TypeVar("T")

# The exceptions that decoding raises if a value is missing or has the wrong type.
UNREADABLE = (AttributeError, KeyError, OverflowError, TypeError, ValueError)
MAX_LOGGED = 10_000


class BadDocuments:
    """Counts every document and value that can't be read, and logs each verification and field once.

    The last 10,000 logged ones are remembered. An older one is logged again when it is found again.
    """

    def __init__(self) -> None:
        self.count = 0
        self._logged: dict[tuple[str, str], None] = {}

    def readable(self, rows: Iterable[T | BadDocument]) -> list[T]:
        """The readable rows. Unreadable ones are counted and logged."""
        readable = []
        for row in rows:
            if isinstance(row, BadDocument):
                self.found(row)
            else:
                readable.append(row)
        return readable

    def found(self, bad: BadDocument) -> None:
        """Count a bad document or value, and log it unless it was logged already. The log line contains an id and a field's name, but no value."""
        self.count += 1
        key = bad.verification_id, bad.stored_field
        if key in self._logged:
            return
        if len(self._logged) >= MAX_LOGGED:
            del self._logged[next(iter(self._logged))]
        self._logged[key] = None
        logger.error("%s of verification %s %s", bad.stored_field, bad.verification_id, bad.cause)
