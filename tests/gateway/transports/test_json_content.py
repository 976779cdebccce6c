import json
from math import inf
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.transports.json_content import MAX_LEVELS, TooDeep, parse_json, tolerantly_parsed

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


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e400", inf),
        ("-1e400", -inf),
        ("1" + "0" * 400, inf),
        ("-" + "9" * 5000, -inf),
        ("1.5E+309", inf),
        ('{"a": [1e400, 5, "x", null, true, 1.5]}', {"a": [inf, 5, "x", None, True, 1.5]}),
        (r'["\ud83d", 1e400]', ["\ufffd", inf]),
        ('{"a": 1, "a": 1e400, "b": 1e400, "b": 2}', {"a": inf, "b": 2}),
        # orjson refuses a text with 1e400, so another parser reads it. The integers in the text must have the values that orjson would give them.
        ("[1e400, 18446744073709551615, 18446744073709551616, 9223372036854775807]", [inf, 2**64 - 1, 2.0**64, 2**63 - 1]),
        ("[1e400, -9223372036854775808, -9223372036854775809, 999999999999999999, -0]", [inf, -(2**63), -(2.0**63), 10**18 - 1, 0]),
    ],
)
def test_a_number_beyond_the_range_of_a_double_reads_as_infinity(text: str, value: Any) -> None:
    assert repr(parse_json(text)) == repr(value)


@pytest.mark.parametrize(
    "text", ["[NaN, 1e400]", "[1e400, Infinity]", "1e400 1", "[1e400", "1e400e", "01e400", "+1e400", "[1e400,]", "[1e400, '']", "\ufeff1e400"]
)
def test_a_mistake_beside_such_a_number_is_refused(text: str) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        parse_json(text)


def nested_json(levels: int, inner: str = "", lists: str = "[]") -> str:
    """A JSON text with `levels` lists inside each other, or objects if `lists` is `{}`. The innermost one contains `inner`."""
    opening = '{"a":' if lists == "{}" else "["
    return opening * levels + (inner or ("1" if lists == "{}" else "")) + lists[1] * levels


@pytest.mark.parametrize("levels", [1025, 1100, 1499, 1500, 1501, 2000, 20_000])
@pytest.mark.parametrize("lists", ["[]", "{}"])
def test_deep_nesting_is_refused_and_the_rest_can_be_read(levels: int, lists: str) -> None:
    text = f'{{"id": "1", "deep": {nested_json(levels, "", lists)}, "[": "]]]]", "after": [{{}}]}}'

    with pytest.raises(TooDeep) as refused:
        parse_json(text)

    rest = refused.value.rest
    assert {name: value for name, value in rest.items() if name != "deep"} == {"id": "1", "[": "]]]]", "after": [{}]}
    assert levels_of(rest) == MAX_LEVELS
    assert (refused.value.status, refused.value.errors[0]["extensions"]) == (400, {"code": "BAD_USER_INPUT"})


def levels_of(value: Any) -> int:
    """The depth of a value: how many lists and objects are inside each other. In an object, only the field `deep` or `a` is followed."""
    levels = 0
    while isinstance(value, list | dict):
        levels += 1
        value = next(iter(value), None) if isinstance(value, list) else value.get("deep", value.get("a"))
    return levels


@pytest.mark.parametrize("levels", [MAX_LEVELS - 1, MAX_LEVELS])
def test_the_deepest_nesting_beside_a_large_number_is_read(levels: int) -> None:
    value = parse_json(nested_json(levels, "1e400"))

    for _ in range(levels):
        [value] = value
    assert value == inf


@pytest.mark.parametrize(
    "text",
    [
        "[" * 1100,
        "[" * 1100 + "]" * 1099,
        "[" * 1100 + "]" * 1101,
        "]" * 1100 + "[" * 1100,
        nested_json(1100, "NaN"),
        nested_json(1100, "1,"),
        nested_json(1100, '"'),
        nested_json(1100) + nested_json(1100),
        nested_json(1100).replace("[" * 600, "[" * 599 + "{", 1),
        f'{{"a": {nested_json(1100)}, }}',
        nested_json(100_000, "x"),
    ],
)
def test_a_mistake_in_deep_nesting_is_refused_as_a_mistake(text: str) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        parse_json(text)


@given(st.text('[]{}",:\\1e.-+0 tnau\n', max_size=40))
def test_what_orjson_accepts_and_refuses_is_accepted_and_refused(text: str) -> None:
    try:
        expected = orjson.loads(text)
    except orjson.JSONDecodeError as mistake:
        if "infinity" not in str(mistake):
            with pytest.raises(ValueError, match=r"."):
                tolerantly_parsed(text)
    else:
        assert repr(tolerantly_parsed(text)) == repr(expected)


@given(values | st.integers(-(2**70), 2**70) | st.lists(st.floats(allow_nan=False, allow_infinity=False)))
def test_values_are_read_as_orjson_reads_them(value: Any) -> None:
    text = json.dumps(well_formed(value))

    assert repr(tolerantly_parsed(text)) == repr(orjson.loads(text))


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
