"""Values, as a person would write them."""

from datetime import datetime, timedelta

from gateway.pages.page import Html, html

UNITS = {"day": timedelta(days=1), "hour": timedelta(hours=1), "minute": timedelta(minutes=1), "second": timedelta(seconds=1)}


def words(value: str) -> str:
    """A value such as "in_session" as a person would write it."""
    return value.replace("_", " ").capitalize()


def instant(at: datetime) -> Html:
    """An instant, to the second."""
    return html('<time datetime="$iso">$text</time>', iso=at.isoformat(), text=f"{at:%Y-%m-%d %H:%M:%S} UTC")


def in_words(duration: timedelta) -> str:
    """A duration in its largest unit, rounded: "15 minutes"."""
    for name, unit in UNITS.items():
        if (number := round(duration / unit)) and duration >= unit:
            return f"{number} {name}{'s' if number > 1 else ''}"
    return "a second"
