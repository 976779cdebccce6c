"""Parses the JSON that clients send.

orjson refuses three kinds of valid JSON: half of a surrogate pair, a number beyond the range of a double, and deep nesting. Such a value must affect
only its own operation. If it counted as malformed JSON, the gateway would close the WebSocket, and all other operations on it would end too.
"""

import json
import re
from math import inf
from typing import Any, Never

import orjson

from gateway.errors import RequestRefused, error

# An escape sequence in a JSON string. Group 1 is half of a surrogate pair without its other half. All other escapes are matched so that a backslash
# that is itself escaped is not taken for the beginning of a sequence.
ESCAPE = re.compile(rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|[^u]|u)", re.DOTALL)
SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
REPLACEMENT = rb"\ufffd"
# A string, or a bracket outside of all strings. The closing quotation mark is optional: otherwise, the search would begin again at every quotation
# mark of a text that lacks it, and take quadratic time.
STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{\]}]', re.DOTALL)
# The maximum number of nested lists and objects in a text that orjson refuses. Python's parser, which then reads the text, is recursive.
MAX_LEVELS = 500
INTEGER_DIGITS = 18
# How many of the characters in JSON_MARKS a text may contain. Each of them begins a list or an object, or separates two values, so the maximum limits
# the number of values. Values are limited because parsing one takes many times as long as parsing a character. A request with more values would
# exceed the limits of operations anyway.
MAX_JSON_MARKS = 24_000
JSON_MARKS = ("[", "{", ",")
ENCODED_JSON_MARKS = tuple(mark.encode() for mark in JSON_MARKS)


class TooDeep(RequestRefused):
    """The refusal of a request whose JSON is nested too deeply.

    `rest`: the value of the JSON, with null in place of all lists and objects that are too deep.
    """

    def __init__(self, rest: Any) -> None:
        message = f"the request has lists and objects of more than {MAX_LEVELS} levels inside each other"
        super().__init__(400, [error("BAD_USER_INPUT", message)])
        self.rest = rest


def parse_json(content: bytes | bytearray | str) -> Any:
    """The value of a JSON text. Half of a surrogate pair reads as U+FFFD, as in browsers (`toWellFormed`).

    A number beyond the range of a double reads as infinity, as in browsers. No type of the schema accepts infinity, and the error then names the
    variable. The checks of the domain refuse or leave out a text with U+FFFD. So a damaged value has consequences only where it is used.
    Raises: orjson.JSONDecodeError if the text is not JSON, TooDeep.
    """
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as mistake:
        # Texts from WebSocket frames and URLs are valid Unicode, so no character is replaced here. `errors` only makes sure that nothing is raised.
        plain = content.encode(errors="replace") if isinstance(content, str) else bytes(content)
        repaired = ESCAPE.sub(lambda escape: REPLACEMENT if escape[1] else escape[0], plain) if SURROGATE.search(plain) else plain
        try:
            return tolerantly_parsed(repaired.decode())
        except (ValueError, RecursionError):
            raise mistake from None


def tolerantly_parsed(text: str) -> Any:
    """The value of a JSON text that may have numbers beyond the range of a double. Raises: ValueError if the text is not JSON, TooDeep."""
    # A text with few brackets can't be deep. It is not split, because splitting it would take longer than parsing it.
    shallow, *deeper = shallow_texts(text) if sum(map(text.count, "[{")) > MAX_LEVELS else [text]
    value = PARSER.decode(shallow)
    if deeper:
        for inner in deeper:
            PARSER.decode(inner)
        raise TooDeep(value)
    return value


def shallow_texts(text: str) -> list[str]:
    """Splits a JSON text into texts of at most MAX_LEVELS levels. In each of them, null replaces the lists and objects that are too deep.

    The first text is the outermost one. The text is JSON exactly if all of them are. Raises: ValueError if the brackets do not match.
    """
    whole: list[str] = []
    # The parts of the texts that have begun and not ended: the outermost text is the first one.
    open_texts: list[list[str]] = [[]]
    level = start = 0
    for token in STRING_OR_BRACKET.finditer(text):
        if token[0] in ("[", "{"):
            if level and level % MAX_LEVELS == 0:
                open_texts[-1].append(text[start : token.start()])
                open_texts.append([])
                start = token.start()
            level += 1
        elif token[0] in ("]", "}"):
            level -= 1
            if level > 0 and level % MAX_LEVELS == 0:
                whole.append("".join((*open_texts.pop(), text[start : token.end()])))
                open_texts[-1].append("null")
                start = token.end()
    [outermost] = open_texts
    return ["".join((*outermost, text[start:])), *whole]


def integer(digits: str) -> int | float:
    """The number that orjson makes of an integer: an int if it fits into 64 bits, signed or unsigned, otherwise a float."""
    if len(digits) <= INTEGER_DIGITS:
        return int(digits)
    nearest = float(digits)
    whole = int(digits) if abs(nearest) < 2**65 else inf
    return int(whole) if -(2**63) <= whole < 2**64 else nearest


def refuse_constant(name: str) -> Never:
    """Refuses NaN and Infinity, which Python's parser would accept. Raises: ValueError."""
    raise ValueError(f"{name} is not JSON")


def has_too_many_values(content: bytes | bytearray | str, maximum: int = MAX_JSON_MARKS) -> bool:
    """Whether a JSON text has more than `maximum` characters that begin or separate values, counted without parsing it."""
    # A text that has at most `maximum` characters in all can't contain more than `maximum` of these characters, so it is not searched.
    if len(content) <= maximum:
        return False
    if isinstance(content, str):
        return sum(map(content.count, JSON_MARKS)) > maximum
    return sum(map(content.count, ENCODED_JSON_MARKS)) > maximum


PARSER = json.JSONDecoder(parse_int=integer, parse_constant=refuse_constant)
