"""Counts and logs MongoDB documents that this release can't read, or can read only in part. They are damaged, or a newer release wrote them."""

import logging
from collections.abc import Iterable
from typing import TypeVar

from domain.errors import BadDocument

logger = logging.getLogger(__name__)

T = TypeVar("T")

# The exceptions that decoding raises if a value is missing in the document, has the wrong type, or can't be represented by this release.
UNREADABLE = (AttributeError, KeyError, OverflowError, TypeError, ValueError)
MAX_LOGGED = 10_000


class BadDocuments:
    """Counts every document and value that can't be read. Logs each pair of a verification and a field, but not again while the pair is remembered.

    Only the last MAX_LOGGED logged pairs are remembered, so that many bad documents do not fill the memory.
    """

    def __init__(self) -> None:
        self.count = 0
        self._logged: dict[tuple[str, str], None] = {}

    def readable(self, rows: Iterable[T | BadDocument]) -> list[T]:
        """The rows without the BadDocuments among them. Each BadDocument is counted and logged."""
        readable = []
        for row in rows:
            if isinstance(row, BadDocument):
                self.found(row)
            else:
                readable.append(row)
        return readable

    def found(self, bad: BadDocument) -> None:
        """Count a bad document or value, and log it unless it was logged already.

        The log line contains the verification's id and the field's name. It never contains a value, because values may be personal data.
        """
        self.count += 1
        key = bad.verification_id, bad.stored_field
        if key in self._logged:
            return
        if len(self._logged) >= MAX_LOGGED:
            del self._logged[next(iter(self._logged))]
        self._logged[key] = None
        logger.error("%s of verification %s %s", bad.stored_field, bad.verification_id, bad.cause)
