from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from providers.rate_limits import MAX_WAIT_SECONDS, RateLimits


@pytest.mark.parametrize(
    ("headers", "remaining"),
    [
        ({}, None),
        ({"ratelimit-remaining": "12"}, 12),
        ({"x-ratelimit-remaining-minute": "3", "x-ratelimit-remaining-hour": "150"}, 3),
        ({"ratelimit-remaining": "9", "x-ratelimit-remaining-hour": "2"}, 2),
        ({"ratelimit-remaining": "many"}, None),
        ({"ratelimit-remaining": "-1"}, None),
    ],
)
def test_the_smallest_announced_number_of_requests_counts(headers: dict[str, str], remaining: int | None) -> None:
    limits = RateLimits()

    limits.update(headers)

    assert limits.remaining == remaining


def test_an_answer_without_announcements_changes_nothing() -> None:
    limits = RateLimits()

    limits.update({"ratelimit-remaining": "5"})
    limits.update({})

    assert limits.remaining == 5


@pytest.mark.parametrize(
    ("headers", "wait_seconds"),
    [
        ({}, None),
        ({"retry-after": "30"}, 30),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "999999"}, MAX_WAIT_SECONDS),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "12"}, 12),
        ({"ratelimit-remaining": "1", "ratelimit-reset": "12"}, None),
        ({"retry-after": "3", "ratelimit-remaining": "0", "ratelimit-reset": "12"}, 3),
    ],
)
def test_the_demanded_wait_is_read(headers: dict[str, str], wait_seconds: float | None) -> None:
    assert RateLimits().retry_after_seconds(headers) == wait_seconds


def test_a_date_in_the_future_is_a_wait() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=600), usegmt=True)

    wait_seconds = RateLimits().retry_after_seconds({"retry-after": later})

    assert wait_seconds is not None
    assert 500 < wait_seconds <= 600
