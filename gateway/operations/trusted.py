"""Automatic persisted queries: documents that clients sent once, and then name by their hash."""

import hashlib

from compiler.recent import Recent

KEPT_TEXTS = 5000
KEPT_CHARACTERS = 2_000_000


class PersistedQueries:
    """The texts of valid documents by their SHA-256, for all callers: since it is checked, nobody decides what a hash means to somebody else.

    Source: Apollo's automatic persisted queries.
    """

    def __init__(self) -> None:
        self._texts = Recent[str, str](KEPT_TEXTS, KEPT_CHARACTERS)

    def text(self, hash: str) -> str | None:
        """The document with this hash; None where it was not sent yet, or is forgotten."""
        return self._texts.get(hash)

    def keep(self, text: str) -> None:
        """Remember a document."""
        self._texts.keep(sha256(text), text, len(text))


def sha256(text: str) -> str:
    """The hash of a text in UTF-8, as lower-case hex."""
    return hashlib.sha256(text.encode()).hexdigest()
