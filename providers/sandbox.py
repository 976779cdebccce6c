"""A provider for trying out the gateway: on its page, a tester plays the person who is being verified, and decides the outcome."""

import hmac
from collections.abc import Sequence
from urllib.parse import quote

from domain.errors import InvalidInput
from domain.request import ProviderReference, Request
from providers.port import Start


class Sandbox:
    """Creates links to the sandbox's page with buttons. Anyone who has a link may press the buttons, so links are signed and can't be guessed.

    The first key signs new links. Links that were signed with any of the other keys remain valid.
    """

    name = "sandbox"
    immediate = True
    queryable = False

    def __init__(self, public_url: str, keys: Sequence[bytes]) -> None:
        self._public_url = public_url.rstrip("/")
        self._keys = keys

    def check(self, request: Request) -> None:
        """Check that the request has no link of its own. Requirements are accepted and have no effect. Raises: InvalidInput."""
        if request.external:
            raise InvalidInput("external", f"is for the provider external only; this workspace has the provider {self.name}")

    async def start(self, start: Start) -> ProviderReference:
        """Create the link for a verification. The link contains everything that the sandbox needs, so the sandbox stores nothing.

        Raises: InvalidInput for the same reasons as `check`.
        """
        self.check(start.request)
        workspace, id = start.workspace, start.verification_id
        link = f"{self._public_url}/sandbox/{quote(workspace, safe='')}/{id}/{self.signature(workspace, id)}"
        return ProviderReference(self.name, id, link)

    def signature(self, workspace: str, verification_id: str) -> str:
        """The signature that the link of this verification contains."""
        return signature(self._keys[0], workspace, verification_id)

    def signed(self, workspace: str, verification_id: str, candidate: str) -> bool:
        """Whether `candidate` is a valid signature for this verification, with any of the keys. Compares in constant time."""
        return any(hmac.compare_digest(signature(key, workspace, verification_id).encode(), candidate.encode()) for key in self._keys)


def signature(key: bytes, workspace: str, verification_id: str) -> str:
    """The signature of a link: the first 128 bits of an HMAC-SHA256 of the workspace and the id, in hexadecimal digits."""
    return hmac.digest(key, f"sandbox/{workspace}/{verification_id}".encode(), "sha256").hex()[:32]
