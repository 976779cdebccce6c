"""Tests of the cursors of lists and feeds: decoding a cursor returns what was encoded, and any other text is refused."""

from base64 import urlsafe_b64encode
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.errors import BadUserInput
from domain.filter import Order
from store.cursor import BadCursor, SortPosition, decode_cursor, decode_watermark, encode_cursor, encode_watermark
from store.documents import instant_at, milliseconds
from tests.factories import NOON, an_id

orders = st.sampled_from(Order)
instants = st.integers(0, milliseconds(datetime.max.replace(tzinfo=UTC))).map(instant_at)
ids = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
positions = st.builds(SortPosition, orders, instants, ids)


def encoded(text: str) -> str:
    """The text in base64url without padding, as in cursors."""
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


# Random texts that resemble cursors, and valid cursors that were modified.
near_cursors = st.one_of(
    st.text(),
    st.text().map(lambda text: encoded(text) if text.isascii() else text),
    st.binary().map(lambda data: urlsafe_b64encode(data).decode()),
    st.builds("{}:{}:{}".format, st.sampled_from([*(order.name for order in Order), "feed"]), st.integers(), ids).map(encoded),
    st.builds(lambda position, at: encode_cursor(position)[:at], positions, st.integers(0, 60)),
    st.builds(lambda position, more: encode_cursor(position) + more, positions, st.sampled_from(["=", "!", "A", " ", "\n", "é"])),
)


@given(positions)
def test_a_cursor_decodes_to_its_position(position: SortPosition) -> None:
    assert decode_cursor(encode_cursor(position), position.order, "after") == position


@given(positions)
def test_a_cursor_needs_no_escaping_in_a_url(position: SortPosition) -> None:
    assert encode_cursor(position).replace("-", "").replace("_", "").isalnum()


@given(positions, orders)
def test_a_cursor_is_valid_for_its_own_order_only(position: SortPosition, order: Order) -> None:
    if order is not position.order:
        with pytest.raises(BadCursor):
            decode_cursor(encode_cursor(position), order, "after")


@given(near_cursors, orders)
@example(encoded("CREATED_NEWEST:99999999999999:ver_1"), Order.CREATED_NEWEST)
@example(encoded("CREATED_NEWEST:0001:ver_1"), Order.CREATED_NEWEST)
@example(encoded("CREATED_NEWEST:\N{ARABIC-INDIC DIGIT ONE}:ver_1"), Order.CREATED_NEWEST)
@example(encoded("CREATED_NEWEST:1:ver_1") + "!!!!", Order.CREATED_NEWEST)
def test_any_other_text_is_a_bad_cursor(text: str, order: Order) -> None:
    with suppress(BadCursor):
        position = decode_cursor(text, order, "after")

        assert encode_cursor(position) == text


def test_a_bad_cursor_names_its_argument() -> None:
    with pytest.raises(BadCursor, match=r"^before is not a cursor"):
        decode_cursor("nonsense", Order.CREATED_NEWEST, "before")


@given(instants)
def test_a_cursor_of_a_feed_decodes_to_its_instant(at: datetime) -> None:
    assert decode_watermark(encode_watermark(at)) == at


@given(near_cursors)
@example(encoded("feed:99999999999999"))
@example(encoded("feed:0001"))
def test_any_other_text_is_refused_as_a_cursor_of_a_feed(text: str) -> None:
    with suppress(BadUserInput):
        at = decode_watermark(text)

        assert encode_watermark(at) == text


def test_cursors_of_lists_and_feeds_are_not_interchangeable() -> None:
    with pytest.raises(BadUserInput):
        decode_watermark(encode_cursor(SortPosition(Order.UPDATED_OLDEST, NOON, an_id())))

    with pytest.raises(BadCursor):
        decode_cursor(encode_watermark(NOON), Order.UPDATED_OLDEST, "after")
