"""Where a subscription goes on: the id of an event stream's last message, which browsers send back by themselves."""

import re
from collections.abc import Hashable
from typing import Protocol

from domain.errors import BadUserInput
from domain.verification import Verification

VERSION = re.compile(r"(ver_[0-9a-f]{32}):(\d{1,9})")


class Marked(Protocol):
    """What a subscription sends."""

    @property
    def mark(self) -> str:
        """What to name to go on after it."""

    @property
    def identity(self) -> Hashable:
        """What tells it from all other messages, for as long as it exists."""


def version_mark(verification: Verification) -> str:
    """The mark of a state: "<verification id>:<version>"."""
    return f"{verification.id}:{verification.version}"


def seen(mark: str) -> tuple[str, int]:
    """The verification and the version that a mark names. Raises: BadUserInput."""
    match = VERSION.fullmatch(mark)
    if not match:
        raise BadUserInput("Last-Event-ID is not of this subscription; leave it out, and name the last version that was seen as `after`")
    return match[1], int(match[2])
