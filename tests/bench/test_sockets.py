"""Tests that bench/sockets.py reads WebSocket frames of every length, and masks the frames that it sends."""

import pytest

from bench.sockets import TEXT, content, frame


def server_frame(text: bytes) -> bytes:
    """A WebSocket frame that contains this text, as a server sends it: without a mask."""
    size = len(text)
    return (bytes((0x81, size)) if size < 126 else bytes((0x81, 126)) + size.to_bytes(2)) + text


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 300, 65_535])
def test_the_text_of_a_frame_is_found_whatever_its_length(size: int) -> None:
    text = b"x" * size

    assert content(server_frame(text)) == text


@pytest.mark.parametrize("size", [1, 125, 126, 3000])
def test_a_client_masks_its_frames(size: int) -> None:
    sent = frame(TEXT, b"x" * size)

    assert sent[0] == 0x81
    assert sent[1] & 0x80
    assert sent.endswith(bytes(4) + b"x" * size)
