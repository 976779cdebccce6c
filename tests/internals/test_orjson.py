"""Tests which bytes orjson writes, and which input it refuses. See `docs/libraries.md`."""

import orjson
import pytest


def test_orjson_writes_the_bytes_that_sealed_data_are_bound_to() -> None:
    assert orjson.dumps(("acme", 'é"/\u2028', "declared")) == '["acme","é\\"/\u2028","declared"]'.encode()


def test_orjson_sorts_keys_at_every_level() -> None:
    assert orjson.dumps({"b": {"d": 1, "c": 2}, "a": 3}, option=orjson.OPT_SORT_KEYS) == b'{"a":3,"b":{"c":2,"d":1}}'


def test_orjson_refuses_to_write_deep_nesting_that_it_can_read() -> None:
    deep = orjson.loads(b"[" * 1000 + b"]" * 1000)

    with pytest.raises(orjson.JSONEncodeError):
        orjson.dumps(deep)


def test_orjson_refuses_to_read_deep_nesting() -> None:
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(b"[" * 100_000 + b"]" * 100_000)


def test_orjson_reads_a_bytearray_and_refuses_an_empty_text() -> None:
    assert orjson.loads(bytearray(b"{}")) == {}
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads("")
