"""A provider in which a tester plays the individual and decides the outcome."""

import hmac
from collections.abc import Sequence
from urllib.parse import quote

from domain.verification import Provider, Request

NAME = "sandbox"


class Sandbox:
    """Creates links to a page with buttons. Anyone who has a link may press them, so links are signed and can't be guessed.

    The first key signs; links that were signed with the other keys remain valid.
    """

    def __init__(self, public_url: str, keys: Sequence[bytes]) -> None:
        self._public_url = public_url.rstrip("/")
        self._keys = keys

    async def start(self, workspace: str, verification_id: str, request: Request) -> Provider:
        """Start a verification at the sandbox. Its link contains all that the sandbox needs; nothing is stored."""
        link = f"{self._public_url}/sandbox/{quote(workspace, safe='')}/{verification_id}/{self.signature(workspace, verification_id)}"
        return Provider(NAME, verification_id, link)

    def signature(self, workspace: str, verification_id: str) -> str:
        """The signature in the link of a verification."""
        return signature(self._keys[0], workspace, verification_id)

    def signed(self, workspace: str, verification_id: str, candidate: str) -> bool:
        """Whether the sandbox signed the link of this verification with this signature. Compares in constant time."""
        return any(hmac.compare_digest(signature(key, workspace, verification_id).encode(), candidate.encode()) for key in self._keys)


def signature(key: bytes, workspace: str, verification_id: str) -> str:
    """The first 128 bits of an HMAC-SHA256, in hexadecimal digits."""
    return hmac.digest(key, f"sandbox/{workspace}/{verification_id}".encode(), "sha256").hex()[:32]
