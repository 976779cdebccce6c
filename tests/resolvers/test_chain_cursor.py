"""Tests of the cursors of chains: decoding a cursor returns what was encoded, any other text is refused, and no cursor is long."""

from base64 import urlsafe_b64encode
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.errors import BadUserInput
from resolvers.chain_cursor import (
    MAX_CURSOR_CHARACTERS,
    ChainCursor,
    Seen,
    decode_chain_cursor,
    encode_chain_cursor,
    version_seen,
    with_version,
)
from store.cursor import encode_watermark
from tests.factories import NOON, an_id

numbers = st.integers(0, 40) | st.integers(0, 999_999_999)
pairs = st.dictionaries(numbers, numbers, min_size=1, max_size=40).map(lambda versions: tuple(sorted(versions.items())))
# The received versions (`Seen`) of attempt 1, attempt 2, attempt 3 …, without a gap. Nearly all cursors of real subscribers contain such versions.
whole = st.lists(st.integers(0, 30), min_size=1, max_size=40).map(lambda versions: tuple(enumerate(versions, 1)))
ids = st.from_regex(r"ver_[0-9a-f]{32}", fullmatch=True)
positions = st.builds(ChainCursor, ids, pairs | whole)


def encoded(text: str) -> str:
    """The text in base64url without padding, as in cursors."""
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


# Random texts that resemble cursors, and valid cursors that were modified.
near_cursors = st.one_of(
    st.text(),
    st.binary().map(lambda data: urlsafe_b64encode(data).decode()),
    st.builds("chain:{}:{}".format, ids, st.text("0123456789.-:", max_size=20)).map(encoded),
    st.builds(lambda position, at: encode_chain_cursor(*position)[:at], positions, st.integers(0, 90)),
    st.builds(lambda position, more: encode_chain_cursor(*position) + more, positions, st.sampled_from(["=", "!", "A", " ", "\n", "é"])),
)


@given(positions)
def test_a_cursor_decodes_to_the_versions_that_it_was_made_of(position: ChainCursor) -> None:
    assert decode_chain_cursor(encode_chain_cursor(*position), "cursor") == position


@given(positions)
def test_a_cursor_needs_no_escaping_in_a_url_or_a_header(position: ChainCursor) -> None:
    assert encode_chain_cursor(*position).replace("-", "").replace("_", "").isalnum()


@given(near_cursors)
@example(encoded(f"chain:ver_{'0' * 32}:1-3"))
@example(encoded(f"chain:ver_{'0' * 32}:3.2-4"))
@example(encoded(f"chain:ver_{'0' * 32}:2-3.1-4"))
@example(encoded(f"chain:ver_{'0' * 32}:2-3.2-4"))
@example(encoded(f"chain:ver_{'0' * 32}:03"))
@example(encoded(f"chain:ver_{'0' * 32}:\N{ARABIC-INDIC DIGIT ONE}"))
@example(encoded(f"chain:ver_{'0' * 32}:3") + "!!!!")
@example(encoded(f"chain:ver_{'0' * 32}:"))
@example("\ud800")
@example(encode_watermark(NOON))
def test_any_other_text_is_refused(text: str) -> None:
    with suppress(BadUserInput):
        position = decode_chain_cursor(text, "cursor")

        assert encode_chain_cursor(*position) == text


@pytest.mark.parametrize("text", ["", "x", f"ver_{'0' * 32}:1", encoded("chain:ver_1:"), "A" * 5000, encode_watermark(NOON)])
def test_a_refusal_names_the_source_of_the_cursor(text: str) -> None:
    with pytest.raises(BadUserInput, match=r"^Last-Event-ID is not a cursor of this subscription"):
        decode_chain_cursor(text, "Last-Event-ID")


@pytest.mark.parametrize("version", [3, 12, 999_999_999])
@pytest.mark.parametrize("gap", [1, 2])
def test_a_cursor_stays_short_and_keeps_the_newest_attempts(version: int, gap: int) -> None:
    chain = an_id()
    seen: Seen = tuple((attempt, version) for attempt in range(1, 3000, gap))

    cursor = encode_chain_cursor(chain, seen)

    kept = decode_chain_cursor(cursor, "cursor").seen
    assert len(cursor) <= MAX_CURSOR_CHARACTERS
    assert kept == seen[-len(kept) :]
    assert len(kept) >= 60


def test_a_cursor_holds_all_attempts_of_a_long_chain() -> None:
    seen: Seen = tuple((attempt, 12) for attempt in range(1, 451))

    assert decode_chain_cursor(encode_chain_cursor(an_id(), seen), "cursor").seen == seen


@given(pairs | whole, numbers, numbers)
def test_a_received_version_replaces_only_that_of_its_attempt(seen: Seen, attempt: int, version: int) -> None:
    after = with_version(seen, attempt, version)

    assert after == tuple(sorted({**dict(seen), attempt: version}.items()))
    assert [version_seen(after, number) for number, _ in after] == [each for _, each in after]
    assert version_seen(after, 1_000_000_000) == 0
