"""Tests that typed keys count as weak, and generated keys don't."""

import random

import pytest

from gateway.callers.key_strength import MIN_KEY_BITS, estimated_bits


@pytest.mark.parametrize(
    "key",
    [
        "",
        "a" * 64,
        "12345678" * 4,
        "1234567812345678" * 4,
        "0123456789abcdef" * 4,
        "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "zyxwvutsrqponmlkjihgfedcba9876543210",
        "passwordpasswordpasswordpasswordpassword",
        "changeme-changeme-changeme-changeme-1",
        "secret1secret2secret3secret4secret5",
        "ab" * 40,
        "abcabcabcabdabcabcabcabdabcabcabcabd",
    ],
)
def test_a_typed_key_is_weak(key: str) -> None:
    assert estimated_bits([*map(ord, key)]) < MIN_KEY_BITS


def test_bytes_that_count_up_are_weak() -> None:
    assert estimated_bits(bytes(range(32))) < MIN_KEY_BITS


# `length`: the length of the shortest key of these characters that the gateway accepts.
@pytest.mark.parametrize(("characters", "length"), [("0123456789abcdef", 32), ("0123456789", 32), ("".join(map(chr, range(33, 127))), 32)])
def test_a_generated_key_is_not_weak(characters: str, length: int) -> None:
    dice = random.Random(17)

    bits = [estimated_bits([*map(ord, dice.choices(characters, k=length))]) for _ in range(400)]

    assert min(bits) >= MIN_KEY_BITS


def test_generated_bytes_are_not_weak() -> None:
    dice = random.Random(17)

    assert min(estimated_bits(dice.randbytes(32)) for _ in range(400)) >= MIN_KEY_BITS


def test_a_longer_repetition_adds_little() -> None:
    once = [*map(ord, "x7Gq-02k")]

    assert estimated_bits(once * 100) - estimated_bits(once * 2) < 20
