"""How long a link and a verification may wait."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Windows:
    """The two windows of time. Each deadline is stored when it arises, so that a change here moves none.

    Source: status codes IDVV_1121 (15 minutes) and IDVV_1199 (7 days).
    """

    link: timedelta = timedelta(minutes=15)
    verification: timedelta = timedelta(days=7)


def whole_milliseconds(instant: datetime) -> datetime:
    """The instant as MongoDB keeps it."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)
