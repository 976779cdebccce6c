"""Instants as text, in one form for everything that the gateway sends: 2026-03-02T12:00:00.000Z.

Source: the scalar DateTime of scalars.graphql.org (andimarek/date-time), which refines RFC 3339, 5.6.
"""

import re
from datetime import UTC, datetime, timedelta

DATE_TIME = re.compile(
    "(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt](?P<minute>(?:[01][0-9]|2[0-3]):[0-5][0-9]):(?P<second>[0-5][0-9]|60)"
    # Only the first three digits count: nothing is stored or compared more precisely than to the millisecond.
    r"(?:\.(?P<fraction>[0-9]{1,3})[0-9]{0,21})?"
    "(?P<offset>[Zz]|(?!-00:00)[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
# The instants that may follow a leap second: the beginnings of a January and of a July, in UTC. Source: RFC 3339, 5.7.
AFTER_LEAP_SECONDS = {(1, 1, 0, 0, 0), (7, 1, 0, 0, 0)}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_DATES = 4096


class Dates(dict[int, str]):
    """The beginnings of the texts of instants, such as "2026-03-02T", by the number of days since 1970. Each is made when it is first needed."""

    def __missing__(self, days: int) -> str:
        if len(self) >= MAX_DATES:
            self.clear()
        text = self[days] = f"{(EPOCH + timedelta(days)).date().isoformat()}T"
        return text


class Times(dict[int, str]):
    """The middle parts of the texts of instants, such as "12:00:00.", by the second of the day. Each is made when it is first needed."""

    def __missing__(self, second: int) -> str:
        text = self[second] = f"{(EPOCH + timedelta(seconds=second)).time().isoformat()}."
        return text


# A page of a list contains more than a hundred instants. To look up the parts of their texts takes a fifth of the time of `isoformat`.
DATES, TIMES = Dates(), Times()
MILLISECONDS = [f"{millisecond:03}Z" for millisecond in range(1000)]


def instant_text(at: datetime) -> str:
    """The text of an instant: in UTC, with exactly three digits for the fraction of a second. Microseconds are cut off.

    Raises: TypeError if the instant has no time zone.
    """
    passed = at - EPOCH
    return f"{DATES[passed.days]}{TIMES[passed.seconds]}{MILLISECONDS[passed.microseconds // 1000]}"


def read_instant(text: str) -> datetime:
    """The instant that a client sent as text, in UTC, to the millisecond. A leap second reads as the second after it, as in POSIX time.

    Raises: ValueError if the text is not a valid DateTime (see the source above), or if Python can't represent the instant.
    """
    found = DATE_TIME.fullmatch(text)
    if not found:
        raise ValueError("not a date and time of RFC 3339")
    leaps = found["second"] == "60"
    second, fraction = "59" if leaps else found["second"], (found["fraction"] or "").ljust(3, "0")
    try:
        at = datetime.fromisoformat(f"{found['date']}T{found['minute']}:{second}.{fraction}{found['offset'].upper()}").astimezone(UTC)
        at += timedelta(seconds=leaps)
    except OverflowError:
        raise ValueError("an instant outside of the years 1 to 9999") from None
    if leaps and (at.month, at.day, at.hour, at.minute, at.second) not in AFTER_LEAP_SECONDS:
        raise ValueError("a leap second ends a June or a December, in UTC")
    return at
