"""How long a link and a verification stay valid."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Windows:
    """The validity of a link, from its first opening, and of a verification, from its creation.

    A deadline is computed and stored once, so a change of these settings does not move the deadlines of existing verifications.

    Source: status codes IDVV_1121 (15 minutes) and IDVV_1199 (7 days).
    """

    link: timedelta = timedelta(minutes=15)
    verification: timedelta = timedelta(days=7)


def whole_milliseconds(instant: datetime) -> datetime:
    """The instant, truncated to the milliseconds that MongoDB can store."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)
