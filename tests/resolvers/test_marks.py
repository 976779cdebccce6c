"""Tests how the marks of earlier releases are read. A mark is the id of a message in an event stream."""

import pytest

from resolvers.marks import VersionMark, decode_version_mark


def test_a_mark_of_an_earlier_release_contains_the_verification_and_its_version() -> None:
    assert decode_version_mark(f"ver_{'0' * 31}a:7") == VersionMark(f"ver_{'0' * 31}a", 7)


@pytest.mark.parametrize(
    "mark",
    [
        "",
        "ver_1:1",
        f"ver_{'0' * 32}",
        f"ver_{'0' * 32}:",
        f"ver_{'0' * 32}:-1",
        f"ver_{'0' * 32}:1:2",
        f"ver_{'0' * 32}:1\n",
        f"ver_{'0' * 32}:{'9' * 10}",
        f"VER_{'0' * 32}:1",
        "ZmVlZDox",
    ],
)
def test_a_mark_of_another_format_is_not_read(mark: str) -> None:
    assert decode_version_mark(mark) is None
