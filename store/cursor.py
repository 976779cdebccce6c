"""Where a page or a feed goes on, as a text that clients hand back and need not understand."""

import re
from base64 import urlsafe_b64decode
from binascii import b2a_base64
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from domain.errors import BadUserInput
from domain.filter import Order
from store.documents import instant, milliseconds
from store.stored_verification import EPOCH

PLACE = re.compile(r"([A-Z_]{1,20}):([0-9]{1,15}):([A-Za-z0-9_-]{1,64})")
WATERMARK = re.compile(r"feed:([0-9]{1,15})")


class BadCursor(BadUserInput):
    """A cursor that this gateway did not make, or made for another order."""

    def __init__(self, argument: str) -> None:
        super().__init__(f"{argument} is not a cursor of this list; take it from `edges.cursor` or `pageInfo` with the same `orderBy`")


class Place(NamedTuple):
    """The sort key of one row of a list: what it is sorted by, and the id that decides between equals."""

    order: Order
    at: datetime
    id: str


def encode(place: Place) -> str:
    """The cursor of a place."""
    return encode_all(place.order, [(place.at, place.id)])[0]


def encode_all(order: Order, places: Iterable[tuple[datetime, str]]) -> list[str]:
    """The cursors of places in the same order: of each, what it is sorted by, and the id."""
    # In one expression, since a page has many of them, and a call for each would take as long as all the rest.
    prefix = order.name
    return [
        b2a_base64(
            f"{prefix}:{(since := at - EPOCH).days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000}:{id}".encode(), newline=False
        )
        .rstrip(b"=")
        .decode()
        for at, id in places
    ]


def decode(cursor: str, order: Order, argument: str) -> Place:
    """The place that a cursor hides.

    Shape:  base64url of "<order>:<milliseconds since 1970 UTC>:<id>".
    Raises: BadCursor where `encode` didn't make it, or made it for another order.
    """
    match = PLACE.fullmatch(_shown(cursor))
    with suppress(OverflowError):
        if match and match[1] == order.name:
            place = Place(order, instant(int(match[2])), match[3])
            # Base64 and numbers have several spellings of the same; only one was made here.
            if encode(place) == cursor:
                return place
    raise BadCursor(argument)


def encode_watermark(at: datetime) -> str:
    """The cursor of a feed: all that changed before has been delivered, but for what a slow clock may still date back."""
    return _hidden(f"feed:{milliseconds(at)}")


def decode_watermark(cursor: str) -> datetime:
    """The instant that a feed's cursor hides. Raises: BadUserInput where `encode_watermark` didn't make it."""
    match = WATERMARK.fullmatch(_shown(cursor))
    with suppress(OverflowError):
        if match:
            at = instant(int(match[1]))
            if encode_watermark(at) == cursor:
                return at
    raise BadUserInput("after is not a cursor of this feed; take it from its last item, or leave it out and read the list anew")


def _hidden(text: str) -> str:
    # Of ASCII letters, digits, "_", "-" and ":", Base64 makes none of the two characters that URLs need others for.
    return b2a_base64(text.encode(), newline=False).rstrip(b"=").decode()


def _shown(cursor: str) -> str:
    try:
        return urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except ValueError:
        return ""
