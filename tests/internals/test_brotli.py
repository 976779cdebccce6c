"""Tests how Brotli decompresses with a limited output, and what it does with input that is cut off or invalid. See `docs/libraries.md`."""

import brotli
import pytest


def test_brotli_continues_a_limited_output_without_more_input() -> None:
    packed = brotli.compress(bytes(1_000_000), mode=brotli.MODE_TEXT, quality=4)
    reader = brotli.Decompressor()

    size = len(reader.process(packed, output_buffer_limit=1001))
    first = size
    while not reader.is_finished():
        size += len(reader.process(b"", output_buffer_limit=1001))

    # The first output may exceed the requested limit by up to a buffer of the library. But it must not grow with the size of the whole content.
    assert first < 100_000
    assert size == 1_000_000


def test_brotli_returns_nothing_for_input_that_is_cut_off() -> None:
    reader = brotli.Decompressor()
    reader.process(brotli.compress(bytes(range(256)) * 9)[:-3], output_buffer_limit=100_000)

    assert reader.process(b"", output_buffer_limit=100_000) == b""
    assert not reader.is_finished()


def test_brotli_raises_its_own_error_for_invalid_input() -> None:
    with pytest.raises(brotli.error):
        brotli.Decompressor().process(b"no brotli", output_buffer_limit=1001)
