"""A provider in which a tester plays the individual and decides the outcome."""

import hmac
from urllib.parse import quote

from domain.verification import Provider

NAME = "sandbox"


class Sandbox:
    """Gives links to a page with buttons. Whoever holds a link may press them, so that a link is signed and nobody can guess one."""

    def __init__(self, public_url: str, key: bytes) -> None:
        self._public_url = public_url.rstrip("/")
        self._key = key

    def start(self, workspace: str, verification_id: str) -> Provider:
        """The sandbox's side of a verification. It knows nothing but the link."""
        signature = self.signature(workspace, verification_id)
        return Provider(NAME, verification_id, f"{self._public_url}/sandbox/{quote(workspace, safe='')}/{verification_id}/{signature}")

    def signature(self, workspace: str, verification_id: str) -> str:
        """What makes a link valid: HMAC-SHA256, 128 bits of it in hex."""
        return hmac.digest(self._key, f"sandbox/{workspace}/{verification_id}".encode(), "sha256").hex()[:32]

    def signed(self, workspace: str, verification_id: str, signature: str) -> bool:
        """Whether the link is one of ours, told in constant time."""
        return hmac.compare_digest(self.signature(workspace, verification_id).encode(), signature.encode())
