"""The cursor of `verificationUpdated`: the version of each attempt of a chain that a subscriber has received."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import NamedTuple

from domain.errors import BadUserInput

# The received version of each attempt: pairs of the attempt's number and the version, sorted by the number. Version 0: no event was received.
# Attempts with a lower number than that of the first pair count as received. Other attempts without a pair are new to the subscriber. The tuples are
# immutable, because messages and subscribers share them.
Seen = tuple[tuple[int, int], ...]

MAX_CURSOR_CHARACTERS = 2048
# How many bytes of text fit into a cursor of MAX_CURSOR_CHARACTERS: base64 writes three bytes as four characters.
MAX_TEXT_BYTES = MAX_CURSOR_CHARACTERS // 4 * 3
TEXT = re.compile(r"chain:([A-Za-z0-9_-]{1,64}):((?:[0-9]{1,9}-)?[0-9]{1,9}(?:\.(?:[0-9]{1,9}-)?[0-9]{1,9})*)")


class ChainCursor(NamedTuple):
    """A decoded cursor of `verificationUpdated`: the id of the chain, and the versions that the subscriber has received."""

    chain: str
    seen: Seen


def version_seen(seen: Seen, attempt: int) -> int:
    """The version of this attempt that was received; 0 if none was."""
    for number, version in seen:
        if number == attempt:
            return version
    return 0


def with_version(seen: Seen, attempt: int, version: int) -> Seen:
    """A copy of `seen` in which this attempt has this version: what the subscriber has received after a message with that version."""
    if len(seen) == 1 and seen[0][0] == attempt:
        return ((attempt, version),)
    return tuple(sorted((dict(seen) | {attempt: version}).items()))


def encode_chain_cursor(chain: str, seen: Seen) -> str:
    """The cursor of a subscriber who has received these versions.

    A cursor has at most MAX_CURSOR_CHARACTERS. If a chain has so many attempts that their versions do not fit (more than about 500 attempts), the
    earliest are left out, so that they count as received: events of these early attempts that happen while the subscriber is disconnected are not
    sent to it.
    """
    text = _text(chain, seen)
    while len(text) > MAX_TEXT_BYTES:
        seen = seen[max(1, len(seen) // 16) :]
        text = _text(chain, seen)
    return urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def decode_chain_cursor(cursor: str, argument: str) -> ChainCursor:
    """The chain and the versions that are encoded in a cursor. `argument`: the argument or header that contains the cursor, for the error message.

    Shape:  base64url of "chain:<chain id>:<versions>". The versions are separated by dots, in the order of their attempts. An attempt that does not
            follow the one before it, or is first and not number 1, has its number before its version: "6.3.9-2".
    Raises: BadUserInput if the cursor was not created by `encode_chain_cursor`.
    """
    match = TEXT.fullmatch(_plain_text(cursor)) if len(cursor) <= MAX_CURSOR_CHARACTERS else None
    if match:
        decoded = ChainCursor(match[1], _seen(match[2]))
        # A cursor could be written in several ways with the same meaning. Only the text that `encode_chain_cursor` creates is accepted.
        if encode_chain_cursor(*decoded) == cursor:
            return decoded
    raise BadUserInput(f"{argument} is not a cursor of this subscription; take it from `cursor` of the last message, or leave it out")


def _text(chain: str, seen: Seen) -> str:
    versions, expected = [], 1
    for attempt, version in seen:
        versions.append(f"{version}" if attempt == expected else f"{attempt}-{version}")
        expected = attempt + 1
    return f"chain:{chain}:{'.'.join(versions)}"


def _seen(versions: str) -> Seen:
    seen, expected = {}, 1
    for entry in versions.split("."):
        attempt, _, version = entry.rpartition("-")
        number = int(attempt or expected)
        seen[number] = int(version)
        expected = number + 1
    return tuple(sorted(seen.items()))


def _plain_text(cursor: str) -> str:
    try:
        return urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except ValueError:
        return ""
