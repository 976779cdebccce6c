"""The page at `/follow` shows the person who is being verified how far the verification is. `make board` builds its files from `web/person`.

The person's link is `/follow#TOKEN`. The token is a follow token, which the integrator requested with `issueFollowToken`. Browsers do not send the
part after `#` to servers, so the gateway serves the same page for every link. The page's script uses the token at `/graphql`.

If the workspace has an address at which the integrator renews tokens, its follow tokens contain a reference to it (`Renewals`). The script then loads
the page again as `/follow?for=REFERENCE`, because only the response with the page can allow the script to send requests to that address.
"""

import hmac
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.routing import BaseRoute

from gateway.pages.bundle import BUNDLE_POLICY, BundlePage, bundle_routes, is_built
from lifecycle.observed_links import SIGNATURE_BYTES, in_base64

FOLLOW_FILES = Path(__file__).parent / "follow"
# The parameter of the page's address that holds the reference.
REFERENCE = "for"


class Renewals:
    """The addresses at which integrators renew follow tokens, and the references under which pages find them.

    A reference is signed. So only someone who has a follow token of a workspace learns its address, or that the workspace exists.
    `addresses`: returns the addresses now, by workspace. The first of the `signing_keys` signs; references that any of the keys signed are valid.

    Shape of a reference: "<workspace>.<the first 128 bits of an HMAC-SHA256 of the workspace, in base64url>".
    """

    def __init__(self, addresses: Callable[[], Mapping[str, str]], signing_keys: Sequence[str]) -> None:
        self._addresses = addresses
        self._keys = [hmac.digest(key.encode(), b"follow page", "sha256") for key in signing_keys]

    def reference(self, workspace: str) -> str | None:
        """The reference to the address of a workspace; None if it has no address."""
        return _reference(self._keys[0], workspace) if workspace in self._addresses() else None

    def address(self, reference: str) -> str | None:
        """The address that a reference names; None if the reference is not valid, or its workspace has no address any more."""
        workspace = reference.rpartition(".")[0]
        # Compare with all keys, so that the duration does not reveal which key has signed.
        valid = [hmac.compare_digest(_reference(key, workspace).encode(), reference.encode()) for key in self._keys]
        return self._addresses().get(workspace) if any(valid) else None


def _reference(key: bytes, workspace: str) -> str:
    return f"{workspace}.{in_base64(hmac.digest(key, workspace.encode(), 'sha256')[:SIGNATURE_BYTES])}"


def follow_routes(renewals: Renewals, bundle: Path = FOLLOW_FILES) -> list[BaseRoute]:
    """The routes of the page and of its files; none if the page is not built."""

    def page_for(request: Request) -> BundlePage:
        address = renewals.address(request.query_params.get(REFERENCE, ""))
        if not address:
            return BundlePage({"graphql": "graphql"})
        return BundlePage({"graphql": "graphql", "renewal": address}, f"{BUNDLE_POLICY}; connect-src 'self' {address}")

    return bundle_routes(bundle, "/follow", "follow/assets", page_for) if is_built(bundle) else []
