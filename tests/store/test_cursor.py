"""Where a page or a feed goes on, as a text."""

from base64 import urlsafe_b64encode
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.errors import BadUserInput
from domain.filter import Order
from store.cursor import BadCursor, Place, decode, decode_watermark, encode, encode_watermark
from store.documents import instant, milliseconds
from tests.factories import NOON, an_id

orders = st.sampled_from(Order)
instants = st.integers(0, milliseconds(datetime.max.replace(tzinfo=UTC))).map(instant)
ids = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
places = st.builds(Place, orders, instants, ids)


def hidden(text: str) -> str:
    """A text as a cursor hides it."""
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


# What a cursor might be mistaken for, and what somebody might make of one.
almost = st.one_of(
    st.text(),
    st.text().map(lambda text: hidden(text) if text.isascii() else text),
    st.binary().map(lambda data: urlsafe_b64encode(data).decode()),
    st.builds("{}:{}:{}".format, st.sampled_from([*(order.name for order in Order), "feed"]), st.integers(), ids).map(hidden),
    st.builds(lambda place, at: encode(place)[:at], places, st.integers(0, 60)),
    st.builds(lambda place, more: encode(place) + more, places, st.sampled_from(["=", "!", "A", " ", "\n", "é"])),
)


@given(places)
def test_a_cursor_is_read_as_the_place_that_it_was_made_of(place: Place) -> None:
    assert decode(encode(place), place.order, "after") == place


@given(places)
def test_a_cursor_can_stand_in_an_address(place: Place) -> None:
    assert encode(place).replace("-", "").replace("_", "").isalnum()


@given(places, orders)
def test_a_cursor_serves_its_own_order_only(place: Place, order: Order) -> None:
    if order is not place.order:
        with pytest.raises(BadCursor):
            decode(encode(place), order, "after")


@given(almost, orders)
@example(hidden("CREATED_NEWEST:99999999999999:ver_1"), Order.CREATED_NEWEST)
@example(hidden("CREATED_NEWEST:0001:ver_1"), Order.CREATED_NEWEST)
@example(hidden("CREATED_NEWEST:\N{ARABIC-INDIC DIGIT ONE}:ver_1"), Order.CREATED_NEWEST)
@example(hidden("CREATED_NEWEST:1:ver_1") + "!!!!", Order.CREATED_NEWEST)
def test_whatever_was_not_made_here_is_a_bad_cursor(text: str, order: Order) -> None:
    with suppress(BadCursor):
        place = decode(text, order, "after")

        assert encode(place) == text


def test_a_bad_cursor_names_its_argument() -> None:
    with pytest.raises(BadCursor, match=r"^before is not a cursor"):
        decode("nonsense", Order.CREATED_NEWEST, "before")


@given(instants)
def test_a_feeds_cursor_is_read_as_the_instant_that_it_was_made_of(at: datetime) -> None:
    assert decode_watermark(encode_watermark(at)) == at


@given(almost)
@example(hidden("feed:99999999999999"))
@example(hidden("feed:0001"))
def test_whatever_was_not_made_here_is_no_cursor_of_a_feed(text: str) -> None:
    with suppress(BadUserInput):
        at = decode_watermark(text)

        assert encode_watermark(at) == text


def test_a_lists_cursor_is_none_of_a_feed_and_the_other_way_round() -> None:
    with pytest.raises(BadUserInput):
        decode_watermark(encode(Place(Order.UPDATED_OLDEST, NOON, an_id())))

    with pytest.raises(BadCursor):
        decode(encode_watermark(NOON), Order.UPDATED_OLDEST, "after")
