"""The caller of an operation, and the scopes of its token."""

import re
from dataclasses import dataclass
from datetime import datetime

from domain.described import Described

# The names of workspaces: in tokens, in the providers file and in addresses.
WORKSPACE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class Scope(Described):
    """A right that a token grants."""

    READ = "verification:read", "Query and subscribe to the verifications of the workspace."
    WRITE = "verification:write", "Create, retry and anonymize verifications, and issue follow tokens."
    REPORT = "verification:report", "Report progress and results, as a provider does."
    SENSITIVE = "verification:sensitive", "See personal data and internal reasons."
    FOLLOW = "verification:follow", "Follow one chain of attempts, in the browser of the person being verified."


@dataclass(frozen=True, slots=True)
class Caller:
    """The bearer of a token. `chain` is set only for follow tokens: such a caller may see only the attempts of this chain."""

    subject: str
    workspace: str
    scopes: frozenset[Scope]
    expires_at: datetime | None = None
    chain: str | None = None

    @property
    def sees_internals(self) -> bool:
        """Whether the caller may see internal reasons, which the person being verified must not see."""
        return Scope.SENSITIVE in self.scopes


@dataclass(frozen=True, slots=True)
class FollowToken:
    """A short-lived token for the browser of the person being verified."""

    token: str
    expires_at: datetime
