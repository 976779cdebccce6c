"""Estimates how hard a key is to guess, so that keys which were typed and not generated are refused."""

from collections.abc import Sequence
from itertools import count
from math import log2

# Keys with fewer bits are refused. The shortest keys that the gateway accepts have more if they were generated: 32 random hexadecimal digits have
# about 120 bits, and 32 random bytes have about 155.
MIN_KEY_BITS = 80.0
# Only a part of at least this length counts as a repetition or as a sequence (see `estimated_bits`). Shorter ones occur in random keys too.
MIN_PART = 3
# Only the first MAX_ELEMENTS elements of a key are looked at, because the time grows with the square of their number. In a strong key, these elements
# have enough bits.
MAX_ELEMENTS = 256


def estimated_bits(key: Sequence[int]) -> float:
    """An estimate of a key's entropy, in bits: how many bits suffice to write the key down. `key`: bytes, or the code points of a text.

    A part that repeats an earlier part has only the bits of its position and its length. So has a part that counts up, counts down or stays the same,
    such as "345678" or "aaaa". Every other element has the bits of a choice between the different elements of the key. For example, a key that
    repeats `12345678` four times has 23 bits.

    The estimate finds no words and no dates: a key of many different words passes. Only a key that a random generator made is really strong.
    """
    key = key[:MAX_ELEMENTS]
    if not key:
        return 0.0
    bits_of_element, bits_of_part = log2(len(set(key))), 2 * log2(len(key))
    bits, at = 0.0, 0
    while at < len(key):
        length = max(run_length(key, at), repeated_length(key, at))
        is_part = length >= MIN_PART and bits_of_part < length * max(bits_of_element, 1.0)
        bits += bits_of_part if is_part else bits_of_element
        at += length if is_part else 1
    return bits


def run_length(key: Sequence[int], at: int) -> int:
    """How many elements from `at` on continue the element before `at` in equal steps, each 1, 0 or -1. At the beginning of the key: 0."""
    if at == 0 or at == len(key) or (step := key[at] - key[at - 1]) not in (-1, 0, 1):
        return 0
    return next(length for length in count(1) if at + length == len(key) or key[at + length] - key[at + length - 1] != step)


def repeated_length(key: Sequence[int], at: int) -> int:
    """The length of the longest part that begins at `at` and also begins before it."""

    def equal(start: int) -> int:
        return next(length for length in count() if at + length == len(key) or key[start + length] != key[at + length])

    return max(map(equal, range(at)), default=0)
