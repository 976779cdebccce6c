"""Validation of strings that clients and providers send. No result depends on the Unicode table of the interpreter: see domain/characters.py."""

import re
from collections.abc import Callable
from datetime import date
from unicodedata import normalize
from urllib.parse import quote, unquote_plus, urlsplit

from domain.characters import BREAKS, FILLERS, FORMATS, IGNORABLE, LINE_BREAK, NOT_IN_TEXT, NOT_IN_URL, SPACES, VISIBLE, trimmed
from domain.errors import InvalidInput

MAX_TEXT_CHARACTERS = 255
MAX_URL_CHARACTERS = 2000
URL_ORIGIN = re.compile("(?P<scheme>https?://)(?:[^/?#]*@)?(?P<host>[^/?#]*)", re.IGNORECASE)
# The host of a URL, with an optional port: an IPv6 address in brackets, which `urlsplit` has checked, or a name. The ASCII characters of a name are
# letters, digits, "-", "_" and "." only: browsers refuse some other characters in a host, and decode "%40" to "@". All characters of other scripts
# are allowed, except those without a glyph.
URL_HOST = re.compile(rf"(\[[0-9a-f:.]+\]|([a-z0-9._-]|[^\x00-\x7f{IGNORABLE}{FORMATS}{FILLERS}])+)(:[0-9]*)?", re.IGNORECASE)
# NFC replaces at most this many characters by one, so a text of more than this many times the allowed length stays too long. Such a text is refused
# without normalization, which could take quadratic time (it sorts combining marks).
MAX_SHRINKAGE = 4
GAP = re.compile(f"[{SPACES}{BREAKS}]+")


def plain_text(field: str, text: str, max_characters: int = MAX_TEXT_CHARACTERS) -> str:
    """Returns a name or another text in NFC and without spaces at its ends. Any script is accepted.

    Raises: InvalidInput if the text is blank, is longer than `max_characters` after NFC, or contains a character that no text may contain.
    """
    text = trimmed(text)
    if len(text) <= max_characters * MAX_SHRINKAGE:
        # A character that is newer than the interpreter's table stays as it is. For all others, the result is the same under every table
        # (Unicode Normalization Stability Policy).
        text = normalize("NFC", text)
    return identifier(field, text, max_characters)


def one_line(field: str, text: str) -> str | None:
    """Returns a text in NFC, trimmed, and on one line: one space replaces each run of line breaks, tabs and the spaces beside them.

    Returns None if the text is empty or blank. Raises: InvalidInput if it is too long, or contains a character that no text may contain.
    """
    line = GAP.sub(lambda gap: " " if LINE_BREAK.search(gap[0]) else gap[0], text)
    return plain_text(field, line) if VISIBLE.search(line) else None


def identifier(field: str, text: str, max_characters: int = MAX_TEXT_CHARACTERS) -> str:
    """Returns the text unchanged, since identifiers are compared byte by byte.

    Raises: InvalidInput if the text is blank, is longer than `max_characters`, or contains a character that no text may contain.
    """
    if len(text) > max_characters:
        raise InvalidInput(field, f"has {len(text)} characters; at most {max_characters} are accepted")
    if refused := NOT_IN_TEXT.search(text):
        raise InvalidInput(field, f"contains U+{ord(refused[0]):04X}, a character that is not accepted")
    if not VISIBLE.search(text):
        raise InvalidInput(field, "must not be blank")
    return text


def web_address(field: str, url: str) -> str:
    """Returns the URL if a browser can be redirected to it, and if people and browsers understand it alike. Raises: InvalidInput."""
    if len(url) > MAX_URL_CHARACTERS:
        raise InvalidInput(field, f"has {len(url)} characters; at most {MAX_URL_CHARACTERS} are accepted")
    try:
        # `urlsplit` removes line breaks and tabs, so the characters are checked first.
        parts = urlsplit("" if NOT_IN_URL.search(url) else url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, usable = urlsplit(""), False
    if usable and "@" in parts.netloc:
        # A password would be stored and shown. And "https://shop.example@evil.example" looks like an address of the shop.
        raise InvalidInput(field, "must have no user name and no password")
    if not usable or not URL_HOST.fullmatch(parts.netloc):
        raise InvalidInput(field, "must be an absolute http or https URL")
    return url


def origin(url: str) -> str:
    """The scheme, host and port of a URL that `web_address` accepted, without its user, path, query and fragment."""
    parts = URL_ORIGIN.match(url)
    return f"{parts['scheme']}{parts['host']}" if parts else ""


def with_parameter(url: str, name: str, value: str) -> str:
    """The URL with this parameter at the end of its query. Parameters of the same name are removed. Every other character stays as it is."""
    before_fragment, hash, fragment = url.partition("#")
    address, _, query = before_fragment.partition("?")
    kept = [part for part in query.split("&") if query and unquote_plus(part.partition("=")[0]) != name]
    return f"{address}?{'&'.join([*kept, f'{quote(name)}={quote(value)}'])}{hash}{fragment}"


def day(field: str, text: str) -> str:
    """Returns the text if it is a calendar day in the form "YYYY-MM-DD". Raises: InvalidInput."""
    try:
        if date.fromisoformat(text).isoformat() == text:
            return text
    except ValueError:
        pass
    raise InvalidInput(field, "must be a day as YYYY-MM-DD")


def optional(check: Callable[[str, str], str], field: str, text: str | None) -> str | None:
    """Returns what `check` returns for the text, or None if there is no text. Raises: the errors of `check`."""
    return None if text is None else check(field, text)
