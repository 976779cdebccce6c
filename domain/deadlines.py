"""How long a link and a verification stay valid."""

from dataclasses import dataclass
from datetime import datetime, timedelta

# If the gateway can query a verification's provider, the provider decides which deadlines have passed. If the provider has reported no result this
# long after the verification's `expires_at`, the gateway concludes the verification.
PROVIDER_PATIENCE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Windows:
    """How long a link stays valid after it is first opened, and how long a verification stays valid after it is created.

    A deadline is computed once and then stored. Changing these settings therefore does not move the deadlines of existing verifications.

    Source: reason codes IDVV_1121 (15 minutes) and IDVV_1199 (7 days).
    """

    link: timedelta = timedelta(minutes=15)
    verification: timedelta = timedelta(days=7)


def whole_milliseconds(instant: datetime) -> datetime:
    """The instant, truncated to the milliseconds that MongoDB can store."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)
