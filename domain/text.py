"""Validation of strings that clients and providers send."""

import re
from collections.abc import Callable
from datetime import date
from re import Pattern
from urllib.parse import urlsplit

from domain.errors import InvalidInput

MAX_TEXT_CHARACTERS = 255
MAX_URL_CHARACTERS = 2000
URL_ORIGIN = re.compile("(?P<scheme>https?://)(?:[^/?#]*@)?(?P<host>[^/?#]*)", re.IGNORECASE)

# Spaces and joiners that occur in French, Japanese, Persian or Hindi names. They are replaced before the check, because `str.isprintable`
# rejects them.
AS_SPACES = str.maketrans(dict.fromkeys("\u00a0\u202f\u3000\u200c\u200d", " "))


def short(field: str, text: str) -> str:
    """Returns the text if it is not blank, has at most 255 characters and contains no control character. Raises: InvalidInput."""
    plain = text.translate(AS_SPACES)
    if not plain.strip():
        raise InvalidInput(field, "must not be blank")
    if len(text) > MAX_TEXT_CHARACTERS:
        raise InvalidInput(field, f"has {len(text)} characters; at most {MAX_TEXT_CHARACTERS} are accepted")
    if not plain.isprintable():
        raise InvalidInput(field, "holds a control character")
    return text


def web_address(field: str, url: str) -> str:
    """Returns the URL if a browser can be redirected to it. Raises: InvalidInput."""
    if len(url) > MAX_URL_CHARACTERS:
        raise InvalidInput(field, f"has {len(url)} characters; at most {MAX_URL_CHARACTERS} are accepted")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isprintable() or " " in url or "\\" in url:
        raise InvalidInput(field, "must be an absolute http or https URL")
    return url


def origin(url: str) -> str:
    """The scheme, host and port of a URL that `web_address` accepted, without its user, path, query and fragment."""
    parts = URL_ORIGIN.match(url)
    return f"{parts['scheme']}{parts['host']}" if parts else ""


def day(field: str, text: str) -> str:
    """Returns the text if it is a calendar day in the form "YYYY-MM-DD". Raises: InvalidInput."""
    try:
        if date.fromisoformat(text).isoformat() == text:
            return text
    except ValueError:
        pass
    raise InvalidInput(field, "must be a day as YYYY-MM-DD")


def shaped(field: str, text: str, pattern: Pattern[str], shape: str) -> str:
    """Returns the text if it matches the pattern. `shape` describes the pattern in the error message. Raises: InvalidInput."""
    if not pattern.fullmatch(text):
        raise InvalidInput(field, f"must be {shape}")
    return text


def optional(check: Callable[[str, str], str], field: str, text: str | None) -> str | None:
    """Returns the text after `check` accepted it, or None if there is no text. Raises: the errors of `check`."""
    return None if text is None else check(field, text)
