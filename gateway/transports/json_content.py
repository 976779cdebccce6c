"""Parses the JSON that clients send."""

import re
from typing import Any

import orjson

# An escape sequence in a JSON string. Group 1 is half of a surrogate pair without its other half. All other escapes are matched so that a backslash
# that is itself escaped is not taken for the beginning of a sequence.
ESCAPE = re.compile(rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|[^u]|u)", re.DOTALL)
REPLACEMENT = rb"\ufffd"
# How many of the characters in JSON_MARKS a text may contain. Each of them begins a JSON value or separates two, so this limits the number of values:
# parsing a value costs many times as much as parsing a character. The limits of operations would refuse a request with more values anyway.
MAX_JSON_MARKS = 24_000
JSON_MARKS = ("[", "{", ",")
ENCODED_JSON_MARKS = tuple(mark.encode() for mark in JSON_MARKS)


def parse_json(content: bytes | bytearray | str) -> Any:
    """The value of a JSON text. Half of a surrogate pair reads as U+FFFD, as in browsers (`toWellFormed`). Raises: orjson.JSONDecodeError.

    A program that cuts a text in the middle of an emoji sends such a half, since JSON permits it. orjson refuses it. The checks of the domain then
    refuse or leave out the damaged value alone, and not the whole request.
    """
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        # Encoding never fails: a frame of a WebSocket and a URL contain valid UTF-8 only.
        plain = content.encode(errors="replace") if isinstance(content, str) else bytes(content)
        repaired = ESCAPE.sub(lambda escape: REPLACEMENT if escape[1] else escape[0], plain)
        if repaired == plain:
            raise
    return orjson.loads(repaired)


def has_too_many_values(content: bytes | bytearray | str, maximum: int = MAX_JSON_MARKS) -> bool:
    """Whether a JSON text has more than `maximum` characters that begin or separate values, counted without parsing it."""
    # Count only in a text that is long enough to contain too many of them.
    if len(content) <= maximum:
        return False
    if isinstance(content, str):
        return sum(map(content.count, JSON_MARKS)) > maximum
    return sum(map(content.count, ENCODED_JSON_MARKS)) > maximum
