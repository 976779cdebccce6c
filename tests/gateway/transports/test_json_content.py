import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.transports.json_content import parse_json

values = st.recursive(st.none() | st.booleans() | st.text(st.characters()), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"a\udc00b"', "a\ufffdb"),
        (r'"\ud83d"', "\ufffd"),
        (r'"\uD83D\uDE00"', "\U0001f600"),
        (r'"\ud83d\ud83d\ude00"', "\ufffd\U0001f600"),
        (r'"\udc00\ud800"', "\ufffd\ufffd"),
        (r'"\ud800\\udc00"', "\ufffd\\udc00"),
        (r'["\\ud83d", "\ud83d"]', ["\\ud83d", "\ufffd"]),
        (r'{"\ud83d": "\\\ud83d"}', {"\ufffd": "\\\ufffd"}),
    ],
)
def test_half_of_a_surrogate_pair_reads_as_the_replacement_character(text: str, value: Any) -> None:
    assert parse_json(text) == parse_json(text.encode()) == parse_json(bytearray(text.encode())) == value


@pytest.mark.parametrize("text", ["", "{", r'{"a": "\ud83d"', r'"\ud83"', r'"\x"', "NaN", '["\\ud83d", NaN]', r'"\ud83d" "'])
def test_any_other_mistake_is_refused(text: str) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        parse_json(text)


@pytest.mark.parametrize("content", [b"\xed\xa0\x80", b'"\xed\xa0\x80"', b'"\\ud83d \xff"'])
def test_bytes_that_are_not_utf_8_are_refused(content: bytes) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        parse_json(content)


@given(values)
def test_every_json_text_is_read_as_python_reads_it_with_halves_replaced(value: Any) -> None:
    text = json.dumps(value)

    assert parse_json(text) == well_formed(value)


def well_formed(value: Any) -> Any:
    """The value, in whose texts each half of a surrogate pair without its other half becomes U+FFFD. Encoding to UTF-16 joins the complete pairs."""
    match value:
        case str():
            return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        case list():
            return [well_formed(item) for item in value]
        case dict():
            return {well_formed(key): well_formed(item) for key, item in value.items()}
    return value
