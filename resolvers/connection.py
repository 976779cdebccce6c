"""A page of verifications, in the shape of the GraphQL Cursor Connections Specification."""

from dataclasses import dataclass
from itertools import repeat
from typing import Literal, NamedTuple

from domain.errors import BadUserInput
from domain.filter import Filter, Order
from domain.verification import Verification
from store.cursor import decode_cursor, encode_cursor
from store.pages import Page, PageRequest

DEFAULT_SIZE = 50
MAX_ROWS = 100


class VerificationEdge(NamedTuple):
    """A verification in a list, with its cursor. The cursor is empty if the operation does not select the cursors of edges."""

    cursor: str
    node: Verification


@dataclass(frozen=True, slots=True)
class PageInfo:
    """Whether the list has rows before and after this page, and the cursors of the first and the last row of the page."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@dataclass(frozen=True, slots=True)
class VerificationConnection:
    """A page of a list. `filter` selects the whole list; the resolver of `totalCount` needs it to count the list."""

    edges: list[VerificationEdge]
    page_info: PageInfo
    filter: Filter


def page_request(order: Order, first: int | None, after: str | None, last: int | None, before: str | None) -> PageRequest:
    """The request for the page that these GraphQL arguments select. Raises: BadUserInput, BadCursor."""
    if first is not None and last is not None:
        raise BadUserInput("first and last were both given; use only one of them")
    end: Literal["first", "last"] = "first" if last is None else "last"
    size = last if last is not None else first if first is not None else DEFAULT_SIZE
    if not 1 <= size <= MAX_ROWS:
        raise BadUserInput(f"{end} is {size}; a page has 1 to {MAX_ROWS} rows")
    return PageRequest(
        order,
        size,
        end,
        after=None if after is None else decode_cursor(after, order, "after"),
        before=None if before is None else decode_cursor(before, order, "before"),
    )


def to_connection(page: Page, filter: Filter, cursors: bool) -> VerificationConnection:
    """Converts a page of the store to a connection. `cursors`: whether the operation selects the cursor of each edge."""
    # `VerificationEdge._make` would create the same edges, but needs a Python call for each row.
    edges = list(map(tuple.__new__, repeat(VerificationEdge), zip(page.cursors() if cursors else repeat(""), page.rows, strict=False)))
    ends = list(map(encode_cursor, page.ends)) if page.bounds or not cursors else [edge.cursor for edge in (edges[:1] + edges[-1:])]
    info = PageInfo(page.has_next, page.has_previous, ends[0] if ends else None, ends[-1] if ends else None)
    return VerificationConnection(edges, info, filter)
