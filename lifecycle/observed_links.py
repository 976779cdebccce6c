"""Observed links: addresses of the gateway through which the individual goes to the provider and comes back, so that the gateway sees both steps.

A link names one verification and is signed. It contains no address: where it leads is stored with the verification.
"""

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Sequence
from typing import NamedTuple

from domain.verification import Verification

# The ids that `new_id` makes. Only verifications with such an id have observed links.
GENERATED_ID = re.compile("ver_(?P<uuid>[0-9a-f]{32})")
# A token: the workspace, then the id and the signature, 128 bits each, in base64url (22 characters). The last character of each holds only two bits,
# so only A, Q, g and w are accepted: other characters would be further spellings of the same token. So a link ends with a letter. This matters:
# programs that find links in a text leave out punctuation at the end of a link.
TOKEN = re.compile(r"(?P<workspace>[A-Za-z0-9][A-Za-z0-9_.-]{0,63})\.(?P<uuid>[A-Za-z0-9_-]{21}[AQgw])(?P<signature>[A-Za-z0-9_-]{21}[AQgw])")
SIGNATURE_BYTES = 16
# The providers that may report only the result, and not the steps before it. The sandbox is not among them: its page reports each step.
OBSERVED_PROVIDERS = frozenset({"yousign", "external"})


class NamedVerification(NamedTuple):
    """The verification that a token names."""

    workspace: str
    verification_id: str


class LinkTokens:
    """Makes and verifies the tokens of one kind of link, `kind`. Each kind has keys of its own, which are derived from the signing keys, so that a
    token of one kind does not reveal the token of another kind.

    The first key signs; tokens that any of the keys signed are valid.
    """

    def __init__(self, kind: str, signing_keys: Sequence[str]) -> None:
        self._keys = [hmac.digest(key.encode(), f"observed links/{kind}".encode(), "sha256") for key in signing_keys]

    def token(self, workspace: str, verification_id: str) -> str:
        """The token of a verification. Raises: ValueError if the id does not have the form of GENERATED_ID."""
        found = GENERATED_ID.fullmatch(verification_id)
        if not found:
            raise ValueError(f"{verification_id} is not an id of the gateway's")
        return f"{workspace}.{in_base64(bytes.fromhex(found['uuid']))}{in_base64(signed(self._keys[0], workspace, verification_id))}"

    def read(self, token: str) -> NamedVerification | None:
        """The verification that a token names; None if the token is not valid. Signatures are compared in constant time."""
        parts = TOKEN.fullmatch(token)
        if not parts:
            return None
        workspace, id = parts["workspace"], f"ver_{urlsafe_b64decode(parts['uuid'] + '==').hex()}"
        signature = urlsafe_b64decode(parts["signature"] + "==")
        # Compare with the signatures of all keys, so that the duration does not reveal which key has signed.
        valid = [hmac.compare_digest(signed(key, workspace, id), signature) for key in self._keys]
        return NamedVerification(workspace, id) if any(valid) else None


class ObservedLinks:
    """Makes the observed links of verifications: one to the provider, and one back from it.

    `unobserved`: the workspaces that have turned observed links off. Clients then receive the provider's own links; observed links that they received
    before stay valid. The attribute can be replaced at any time.
    """

    def __init__(self, public_url: str, signing_keys: Sequence[str], unobserved: Collection[str] = ()) -> None:
        self._public_url = public_url.rstrip("/")
        self.unobserved = frozenset(unobserved)
        self.starts = LinkTokens("start", signing_keys)
        self.returns = LinkTokens("return", signing_keys)

    def observes(self, workspace: str, provider: str) -> bool:
        """Whether verifications of this workspace at this provider have observed links."""
        return provider in OBSERVED_PROVIDERS and workspace not in self.unobserved

    def start_url(self, workspace: str, verification_id: str) -> str:
        """The link through which the individual goes to the provider. Raises: ValueError if the id does not have the form of GENERATED_ID."""
        return f"{self._public_url}/v/{self.starts.token(workspace, verification_id)}"

    def return_url(self, workspace: str, verification_id: str) -> str:
        """The link to which the provider sends the individual back. Raises: ValueError if the id does not have the form of GENERATED_ID."""
        return f"{self._public_url}/r/{self.returns.token(workspace, verification_id)}"

    def redirection_url(self, verification: Verification) -> str:
        """The redirection URL that the provider receives: the observed link back, or the integrator's own URL if the verification has none."""
        if not self._has_links(verification):
            return verification.redirection_url
        return self.return_url(verification.workspace, verification.id)

    def verification_url(self, verification: Verification) -> str | None:
        """The URL that is shared with the individual: the observed link, or the provider's own; None once the status is final."""
        url = verification.verification_url
        # A URL that this release can't read is a BadValue. It is returned unchanged, so that the caller gets the error for its field.
        return self.start_url(verification.workspace, verification.id) if isinstance(url, str) and self._has_links(verification) else url

    def _has_links(self, verification: Verification) -> bool:
        return self.observes(verification.workspace, verification.provider.name) and GENERATED_ID.fullmatch(verification.id) is not None


def signed(key: bytes, workspace: str, verification_id: str) -> bytes:
    """The signature in the token of a verification: the first 128 bits of an HMAC-SHA256 of the workspace and the id."""
    return hmac.digest(key, f"{workspace}/{verification_id}".encode(), "sha256")[:SIGNATURE_BYTES]


def in_base64(content: bytes) -> str:
    """Bytes in base64url without padding."""
    return urlsafe_b64encode(content).rstrip(b"=").decode()
