"""A provider in which a tester plays the individual and decides the outcome."""

import hmac
from collections.abc import Sequence
from urllib.parse import quote

from domain.verification import Provider, Request

NAME = "sandbox"


class Sandbox:
    """Gives links to a page with buttons. Whoever holds a link may press them, so that a link is signed and nobody can guess one.

    The first key signs; links that the others signed stay good.
    """

    def __init__(self, public_url: str, keys: Sequence[bytes]) -> None:
        self._public_url = public_url.rstrip("/")
        self._keys = keys

    async def start(self, workspace: str, verification_id: str, request: Request) -> Provider:
        """The sandbox's side of a verification. It knows nothing but the link."""
        link = f"{self._public_url}/sandbox/{quote(workspace, safe='')}/{verification_id}/{self.signature(workspace, verification_id)}"
        return Provider(NAME, verification_id, link)

    def signature(self, workspace: str, verification_id: str) -> str:
        """What makes a link valid."""
        return signature(self._keys[0], workspace, verification_id)

    def signed(self, workspace: str, verification_id: str, given: str) -> bool:
        """Whether the link is one of ours, told in constant time."""
        return any(hmac.compare_digest(signature(key, workspace, verification_id).encode(), given.encode()) for key in self._keys)


def signature(key: bytes, workspace: str, verification_id: str) -> str:
    """HMAC-SHA256, 128 bits of it in hex."""
    return hmac.digest(key, f"sandbox/{workspace}/{verification_id}".encode(), "sha256").hex()[:32]
