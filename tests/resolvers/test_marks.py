"""Tests how marks, the ids of messages in an event stream, are written and read."""

import pytest

from domain.errors import BadUserInput
from resolvers.marks import decode_version_mark, version_mark
from tests.factories import FAILED_RESULT, a_final_verification, a_verification


def test_a_mark_contains_the_verification_and_its_version() -> None:
    pending, final = a_verification(), a_final_verification(FAILED_RESULT)

    assert decode_version_mark(version_mark(pending)) == (pending.id, 1)
    assert decode_version_mark(version_mark(final)) == (final.id, 2)


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
def test_a_mark_of_another_format_is_refused(mark: str) -> None:
    with pytest.raises(BadUserInput, match="Last-Event-ID"):
        decode_version_mark(mark)
