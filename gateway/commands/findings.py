"""The results of `gateway check`, and the exit status for each kind of problem."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Problem(IntEnum):
    """A kind of problem that `gateway check` finds. The value is the exit status of the command. docs/running.md lists all of them."""

    SETTINGS = 10
    KEYS = 11
    PROVIDERS_FILE = 12
    PROVIDER = 13
    ISSUER_KEYS = 14
    MONGO_ADDRESS = 20
    MONGO_UNREACHABLE = 21
    MONGO_LOGIN = 22
    MONGO_DEPLOYMENT = 23
    MONGO_VERSION = 24
    MONGO_PRIVILEGES = 25
    MONGO_WRITE = 26
    CHANGE_STREAM = 27
    CLOCK = 28
    INDEXES = 29


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check: one line of text for the user, and the problem. `problem`: None if the check passed."""

    text: str
    problem: Problem | None = None


def exit_status(findings: Iterable[Finding]) -> int:
    """The exit status of `gateway check`: the lowest value of `Problem` among the findings; 0 if there is no problem."""
    return min((finding.problem for finding in findings if finding.problem), default=0)
