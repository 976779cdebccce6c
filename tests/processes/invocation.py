"""The outcome of a command `gateway` that ran inside the test's process, which is much faster than a process of its own."""

from collections.abc import Callable
from typing import NamedTuple


class Outcome(NamedTuple):
    """The exit status of a command, its output, and its error output."""

    status: object
    output: str
    errors: str


# Runs the command with these arguments. Keyword arguments are environment variables.
Run = Callable[..., Outcome]
