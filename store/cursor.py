"""Cursors: opaque texts that encode a position in a list or a feed. A client sends a cursor back to continue at that position."""

import re
from base64 import urlsafe_b64decode
from binascii import b2a_base64
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from domain.errors import BadUserInput
from domain.filter import Order
from domain.instant import EPOCH
from store.documents import instant_at, milliseconds

POSITION = re.compile(r"([A-Z_]{1,20}):([0-9]{1,15}):([A-Za-z0-9_-]{1,64})")
WATERMARK = re.compile(r"feed:([0-9]{1,15})")


class BadCursor(BadUserInput):
    """A cursor that was not created by the gateway, or that was created for a list in another order."""

    def __init__(self, argument: str) -> None:
        super().__init__(f"{argument} is not a cursor of this list; take it from `edges.cursor` or `pageInfo` with the same `orderBy`")


class SortPosition(NamedTuple):
    """The position of a row in a list: the instant by which the list is sorted, and the id, by which rows with the same instant are sorted."""

    order: Order
    at: datetime
    id: str


def encode_cursor(position: SortPosition) -> str:
    """The cursor that encodes this position of a list."""
    return encode_all(position.order, [(position.at, position.id)])[0]


def encode_all(order: Order, positions: Iterable[tuple[datetime, str]]) -> list[str]:
    """The cursors of several positions in a list with this order. Each position is a pair of an instant and an id."""
    # This is one expression without calls of Python functions, because a page has many cursors, and one call for each would double the time.
    prefix = order.name
    return [
        b2a_base64(
            f"{prefix}:{(since := at - EPOCH).days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000}:{id}".encode(), newline=False
        )
        .rstrip(b"=")
        .decode()
        for at, id in positions
    ]


def decode_cursor(cursor: str, order: Order, argument: str) -> SortPosition:
    """The position that is encoded in a cursor. `argument` is the name of the GraphQL argument, for the error message.

    Shape:  base64url of "<order>:<milliseconds since 1970 UTC>:<id>".
    Raises: BadCursor if the cursor was not created by `encode_cursor`, or was created for another order.
    """
    match = POSITION.fullmatch(_revealed(cursor))
    with suppress(OverflowError):
        if match and match[1] == order.name:
            position = SortPosition(order, instant_at(int(match[2])), match[3])
            # The same position could be written in several ways (unused bits in base64, zeros before a number). Only the text that `encode_cursor`
            # creates is accepted.
            if encode_cursor(position) == cursor:
                return position
    raise BadCursor(argument)


def encode_watermark(at: datetime) -> str:
    """The cursor of a feed. It states that all changes before this instant, a time of MongoDB, were delivered."""
    return _hidden(f"feed:{milliseconds(at)}")


def decode_watermark(cursor: str) -> datetime:
    """The instant that is encoded in a feed's cursor. Raises: BadUserInput if the cursor was not created by `encode_watermark`."""
    match = WATERMARK.fullmatch(_revealed(cursor))
    with suppress(OverflowError):
        if match:
            at = instant_at(int(match[1]))
            if encode_watermark(at) == cursor:
                return at
    raise BadUserInput("after is not a cursor of this feed; take it from its last item, or leave it out and read the list again")


def _hidden(text: str) -> str:
    # The text has only ASCII letters, digits, "_", "-" and ":". Its base64 contains neither "+" nor "/", so it is base64url as well.
    return b2a_base64(text.encode(), newline=False).rstrip(b"=").decode()


def _revealed(cursor: str) -> str:
    try:
        return urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except ValueError:
        return ""
