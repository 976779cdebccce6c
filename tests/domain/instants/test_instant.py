"""The text of instants, as the scalar DateTime of scalars.graphql.org (andimarek/date-time) and RFC 3339 define it."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.instant import MAX_DATES, Dates, instant_text, read_instant

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
# These instants are a year within the limits of Python's datetime, so that no time zone moves them beyond the limits.
EARLIEST, LATEST = datetime.fromisoformat("0002-01-01"), datetime.fromisoformat("9998-12-31")
FORM = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z")


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (NOON, "2026-03-02T12:00:00.000Z"),
        (NOON.replace(microsecond=7_000), "2026-03-02T12:00:00.007Z"),
        (NOON.replace(microsecond=120_000), "2026-03-02T12:00:00.120Z"),
        (NOON.replace(microsecond=999_999), "2026-03-02T12:00:00.999Z"),
        (NOON.astimezone(timezone(timedelta(hours=5, minutes=30))), "2026-03-02T12:00:00.000Z"),
        (datetime(2026, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))), "2025-12-31T23:30:00.000Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.000Z"),
        (datetime(9999, 12, 31, 23, 59, 59, 999_000, UTC), "9999-12-31T23:59:59.999Z"),
    ],
)
def test_the_text_is_in_utc_with_three_digits_for_the_fraction(at: datetime, text: str) -> None:
    assert instant_text(at) == text


def test_an_instant_without_a_time_zone_has_no_text() -> None:
    with pytest.raises(TypeError):
        instant_text(NOON.replace(tzinfo=None))


@given(st.datetimes(timezones=st.timezones() | st.just(UTC), min_value=EARLIEST, max_value=LATEST))
def test_the_text_of_every_instant_reads_as_the_instant_to_the_millisecond(at: datetime) -> None:
    text = instant_text(at)

    at = at.astimezone(UTC)
    assert FORM.fullmatch(text)
    assert text == at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert read_instant(text) == at.replace(microsecond=at.microsecond // 1000 * 1000)


def test_the_kept_dates_are_limited() -> None:
    dates = Dates()

    texts = [dates[day] for day in range(2 * MAX_DATES)]

    assert (texts[0], texts[60], texts[-1]) == ("1970-01-01T", "1970-03-02T", "1992-06-05T")
    assert len(dates) <= MAX_DATES


TEN_PAST = datetime(2011, 8, 30, 13, 22, 53, 108_000, UTC)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2011-08-30T13:22:53.108Z", TEN_PAST),
        ("2011-08-30T13:22:53.108+00:00", TEN_PAST),
        ("2011-08-30t13:22:53.108z", TEN_PAST),
        ("2011-08-30T13:22:53.108z", TEN_PAST),
        ("2011-08-30t13:22:53.108Z", TEN_PAST),
        ("2011-08-30T13:22:53.108-03:00", TEN_PAST + timedelta(hours=3)),
        ("2011-08-30T13:22:53.108+03:30", TEN_PAST - timedelta(hours=3, minutes=30)),
        ("2011-08-30T13:22:53.108+23:59", TEN_PAST - timedelta(hours=23, minutes=59)),
        ("2011-08-30T13:22:53.108-23:59", TEN_PAST + timedelta(hours=23, minutes=59)),
        ("2011-08-30T13:22:53Z", TEN_PAST.replace(microsecond=0)),
        ("2011-08-30T13:22:53.1Z", TEN_PAST.replace(microsecond=100_000)),
        ("2011-08-30T13:22:53.10Z", TEN_PAST.replace(microsecond=100_000)),
        ("2011-08-30T13:22:53.108000Z", TEN_PAST),
        ("2011-08-30T13:22:53.108000000+00:00", TEN_PAST),
        # Digits after the millisecond are cut off.
        ("2011-08-30T13:22:53.1089Z", TEN_PAST),
        ("2011-08-30T13:22:53.108999999999999+00:00", TEN_PAST),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59.999Z", datetime(9999, 12, 31, 23, 59, 59, 999_000, UTC)),
        # Leap seconds. Python can't represent them: they read as the second after them, as in POSIX time.
        ("1990-12-31T23:59:60Z", datetime(1991, 1, 1, tzinfo=UTC)),
        ("1990-12-31T15:59:60-08:00", datetime(1991, 1, 1, tzinfo=UTC)),
        ("2015-07-01T05:29:60.5+05:30", datetime(2015, 7, 1, 0, 0, 0, 500_000, UTC)),
    ],
)
def test_a_date_and_time_of_rfc_3339_is_read(text: str, at: datetime) -> None:
    assert read_instant(text) == at
    assert read_instant(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "now", "2026", "2026-03-02", "12:00:00Z", "1772452800", "2026-03-02T12:00:00", "2026-03-02T12:00:00.123"),
        # Forms of ISO 8601 that RFC 3339 does not have: week dates, ordinal dates, basic format, shortened times, and the end of a day as 24:00.
        *("2026-W10-1T12:00:00Z", "2026W101T120000Z", "2026-061T12:00:00Z", "20260302T120000Z", "2026-03-02T120000Z", "20260302T12:00:00Z"),
        *(
            "2026-03-02T12Z",
            "2026-03-02T12:00Z",
            "2026-03-02T12:00:00,5Z",
            "2026-03-02T12:00:00.Z",
            "2026-03-02T24:00:00Z",
            "2026-03-02T24:22:53.108Z",
        ),
        *("+2026-03-02T12:00:00Z", "-2026-03-02T12:00:00Z", "02026-03-02T12:00:00Z", "226-03-02T12:00:00Z", "2026-3-2T12:00:00Z"),
        # Offsets that the scalar DateTime does not allow.
        *("2026-03-02T12:00:00-03", "2026-03-02T12:00:00+0330", "2026-03-02T12:00:00+03:30:15", "2026-03-02T12:00:00+03:30:15.5"),
        *("2026-03-02T12:00:00.108-00:00", "2026-03-02T12:00:00+24:00", "2026-03-02T12:00:00+25:11", "2026-03-02T12:00:00+03:60"),
        *(
            "2026-03-02T12:00:00\u221203:00",
            "2026-03-02T12:00:00+3:00",
            "2026-03-02T12:00:00ZZ",
            "2026-03-02T12:00:00 Z",
            "2026-03-02T12:00:00Z+00:00",
        ),
        *("2026-03-02T12:00:00UTC", "2026-03-02T12:00:00 GMT", "2026-03-02T12:00:00[Europe/Paris]", "2026-03-02T12:00:00Z[UTC]"),
        # Other characters in place of T, and around the text.
        *("2026-03-02 12:00:00Z", "2026-03-02_12:00:00Z", "2026-03-02x12:00:00Z", "2026-03-02\u00a012:00:00Z", "2026-03-0212:00:00Z"),
        *(" 2026-03-02T12:00:00Z", "2026-03-02T12:00:00Z ", "2026-03-02T12:00:00Z\n", "2026-03-02T12:00:00Z\0", "\ufeff2026-03-02T12:00:00Z"),
        # Digits of other scripts.
        *("\u0662026-03-02T12:00:00Z", "2026-03-02T12:00:0\uff10Z", "2026-03-02T12:00:00.\u0661Z"),
        # Dates and times that do not exist.
        *("2026-02-29T12:00:00Z", "2010-02-30T21:22:53.108Z", "2026-13-01T12:00:00Z", "2026-00-01T12:00:00Z", "2026-03-00T12:00:00Z"),
        *("2026-03-32T12:00:00Z", "2026-03-02T25:00:00Z", "2026-03-02T12:60:00Z", "2026-03-02T12:00:61Z"),
        # Leap seconds where there can be none.
        *("2026-03-02T12:00:60Z", "2026-12-31T23:59:60+01:00", "2026-03-31T23:59:60Z", "2026-12-31T12:59:60Z", "2026-01-01T00:00:60Z"),
        # Outside of the years 1 to 9999, also after the conversion to UTC.
        *("0000-01-01T12:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-00:01", "9999-12-31T23:59:60Z", "10000-01-01T00:00:00Z"),
        "2026-03-02T12:00:00." + "1" * 10_000 + "Z",
    ],
)
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_instant(text)
