"""Internals of orjson that the gateway relies on. See `docs/upgrading.md`."""

from datetime import UTC, datetime

import orjson
import pytest

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "instant",
    [NOON, NOON.replace(microsecond=120_000), datetime(1, 1, 2, 3, 4, 5, 6, UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC)],
    ids=str,
)
def test_orjson_writes_an_instant_in_utc_as_isoformat_does(instant: datetime) -> None:
    assert orjson.dumps(instant) == f'"{instant.isoformat()}"'.encode()


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
