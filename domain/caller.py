"""Who asks, and how far the token reaches."""

from dataclasses import dataclass
from datetime import datetime

from domain.described import Described


class Scope(Described):
    """A right that a token carries."""

    READ = "verification:read", "Queries and subscriptions of the workspace."
    WRITE = "verification:write", "Creating, retrying and anonymizing verifications, and issuing follow tokens."
    REPORT = "verification:report", "Reporting progress and results, as a provider does."
    SENSITIVE = "verification:sensitive", "Personal data and internal reasons."
    FOLLOW = "verification:follow", "Following one chain of attempts, in the browser of the person being verified."


@dataclass(frozen=True, slots=True)
class Caller:
    """The bearer of a token. `chain` confines a follow token to one chain of attempts."""

    subject: str
    workspace: str
    scopes: frozenset[Scope]
    expires_at: datetime | None = None
    chain: str | None = None

    @property
    def sees_internals(self) -> bool:
        """Whether internal reasons may be shown."""
        return Scope.SENSITIVE in self.scopes


@dataclass(frozen=True, slots=True)
class FollowToken:
    """A short-lived token for the browser of the person being verified."""

    token: str
    expires_at: datetime
