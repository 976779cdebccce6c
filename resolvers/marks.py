"""Marks: the ids of messages in an event stream. When a browser reconnects, it sends the last id, and the subscription resumes after that message."""

import re
from collections.abc import Hashable
from typing import NamedTuple, Protocol

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


class VersionMark(NamedTuple):
    """The mark of a state as earlier releases wrote it: "<verification id>:<version>".

    Browsers that were connected to such a release still send such a mark during an upgrade. The next minor release may refuse it.
    """

    id: str
    version: int


def decode_version_mark(mark: str) -> VersionMark | None:
    """The verification and the version in a mark of an earlier release; None if the mark has another format."""
    match = VERSION_MARK.fullmatch(mark)
    return VersionMark(match[1], int(match[2])) if match else None
