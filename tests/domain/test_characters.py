"""Compares the sets in `domain/characters.py`, over all of Unicode, with ranges that are written as numbers here, and with Python's Unicode table.

A set must contain all code points of its categories in Python's table. It may contain more, because Python's table may be older than the set.
"""

import unicodedata
from collections.abc import Iterator

import pytest

from domain import characters
from domain.characters import NOT_IN_TEXT, NOT_IN_URL, SPACES, VISIBLE, trimmed

Ranges = list[tuple[int, int]]

ZS: Ranges = [(0x20, 0x20), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000)]
DIRECTIONS: Ranges = [(0x202A, 0x202E), (0x2066, 0x2069)]
NOT_CHARACTERS: Ranges = [
    *((0x00, 0x1F), (0x7F, 0x9F), (0x2028, 0x2029), *DIRECTIONS, (0xD800, 0xDFFF), (0xFDD0, 0xFDEF)),
    *((plane * 0x10000 + 0xFFFE, plane * 0x10000 + 0xFFFF) for plane in range(17)),
]
LOST = (0xFFFD, 0xFFFD)
NOT_IN_ANY_TEXT: Ranges = [*NOT_CHARACTERS, LOST]
NOT_IN_A_URL: Ranges = [*NOT_CHARACTERS, *ZS, (0x5C, 0x5C), (0x61C, 0x61C), (0x200E, 0x200F)]
BLANK: Ranges = [
    *ZS,
    *((0xAD, 0xAD), (0x34F, 0x34F), (0x600, 0x605), (0x61C, 0x61C), (0x6DD, 0x6DD), (0x70F, 0x70F), (0x890, 0x891), (0x8E2, 0x8E2)),
    *((0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x200B, 0x200F), *DIRECTIONS, (0x2060, 0x206F), (0x2800, 0x2800), (0x3164, 0x3164)),
    *((0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFB), (0x110BD, 0x110BD), (0x110CD, 0x110CD), (0x13430, 0x1343F)),
    *((0x13441, 0x13442), (0x16FE4, 0x16FE4), (0x1BCA0, 0x1BCA3), (0x1D159, 0x1D159), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF)),
]
# Characters of Unicode 15 to 17, which Python 3.11 does not have: Kawi, Han Extensions H, I and J, Cyrillic, Garay, Tulu-Tigalari, Tolong Siki.
NEW = [0x11F04, 0x31350, 0x2EBF0, 0x323B0, 0x3347F, 0x1C89, 0x10D4A, 0x11380, 0x11DB0]


def everything() -> Iterator[str]:
    return map(chr, range(0x110000))


def expanded(ranges: Ranges) -> set[int]:
    return {code for first, last in ranges for code in range(first, last + 1)}


def of_category(*categories: str) -> set[int]:
    return {ord(character) for character in everything() if unicodedata.category(character) in categories}


def test_every_code_point_that_no_text_may_contain_is_refused_and_no_other() -> None:
    assert {ord(character) for character in everything() if NOT_IN_TEXT.search(character)} == expanded(NOT_IN_ANY_TEXT)


def test_every_code_point_is_blank_or_visible_as_listed() -> None:
    assert {ord(character) for character in everything() if not VISIBLE.search(character)} == expanded(BLANK)


def test_every_code_point_that_no_url_may_contain_is_refused_and_no_other() -> None:
    assert {ord(character) for character in everything() if NOT_IN_URL.search(character)} == expanded(NOT_IN_A_URL)


def test_every_space_is_trimmed_and_no_other_code_point() -> None:
    assert {ord(character) for character in everything() if trimmed(f"{character}a{character}") == "a"} == expanded(ZS)


def test_the_sets_contain_the_categories_of_the_interpreters_table() -> None:
    assert of_category("Cc", "Cs", "Zl", "Zp") <= expanded(NOT_IN_ANY_TEXT)
    assert of_category("Zs") == set(map(ord, SPACES))
    assert of_category("Zs", "Cf") <= expanded(BLANK)
    # NOT_CHARACTERS contains controls (Cc), surrogates (Cs), separators (Zl, Zp) and noncharacters (Cn). Without them, only the characters are
    # left that change the direction of text (Cf).
    assert expanded(NOT_CHARACTERS) - of_category("Cc", "Cs", "Zl", "Zp", "Cn") == expanded(DIRECTIONS)


def test_what_a_url_could_contain_when_the_interpreters_table_decided_is_still_accepted() -> None:
    printable = (character for character in everything() if character.isprintable() and character not in " \\")

    assert [character for character in printable if NOT_IN_URL.search(character)] == []


@pytest.mark.parametrize("code", NEW)
def test_a_letter_that_the_interpreters_table_lacks_is_accepted(code: int) -> None:
    assert not NOT_IN_TEXT.search(chr(code))
    assert not NOT_IN_URL.search(chr(code))
    assert VISIBLE.search(chr(code))


def test_the_interpreters_table_lacks_some_of_these_letters() -> None:
    assert any(unicodedata.category(chr(code)) == "Cn" for code in NEW), f"choose newer letters than Unicode {unicodedata.unidata_version}"


@pytest.mark.parametrize("word", ["isprintable", "isspace", "strip()", "category(", "\\s", "\\w"])
def test_no_set_is_taken_from_the_interpreters_table(word: str) -> None:
    with open(characters.__file__, encoding="utf-8") as module:
        code = module.read().split('"""', 2)[2]

    assert word not in code
