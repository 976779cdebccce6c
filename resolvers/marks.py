"""Marks: the ids of messages in an event stream. When a browser reconnects, it sends the last id, and the subscription resumes after that message."""

import re
from collections.abc import Hashable
from typing import Protocol

from domain.errors import BadUserInput
from domain.verification import Verification

VERSION_MARK = re.compile(r"(ver_[0-9a-f]{32}):(\d{1,9})")


class Marked(Protocol):
    """A message of a subscription, with a mark from which the subscription can resume."""

    @property
    def mark(self) -> str:
        """The mark from which the subscription resumes after this message."""

    @property
    def verification(self) -> Verification | None:
        """The verification that the message shows; None if it shows none."""

    @property
    def identity(self) -> Hashable:
        """A key that is equal only for messages with the same content. It contains ids of objects: use it only while this message exists."""


def version_mark(verification: Verification) -> str:
    """The mark of a state: "<verification id>:<version>"."""
    return f"{verification.id}:{verification.version}"


def decode_version_mark(mark: str) -> tuple[str, int]:
    """The verification id and the version in a mark. Raises: BadUserInput."""
    match = VERSION_MARK.fullmatch(mark)
    if not match:
        raise BadUserInput("Last-Event-ID does not belong to this subscription; omit it, and pass the last received version as `after`")
    return match[1], int(match[2])
