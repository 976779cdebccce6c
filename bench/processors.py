"""Assigns processors: the server has the first one for itself; MongoDB and the load generator have the others."""

import os

AVAILABLE = sorted(os.sched_getaffinity(0))
SERVER = AVAILABLE[:1]
LOAD = AVAILABLE[1:] or AVAILABLE


def stay(processors: list[int]) -> None:
    """Restrict this process, and every process that it starts from now on, to these processors."""
    os.sched_setaffinity(0, processors)


def pinned(command: list[str], processors: list[int]) -> list[str]:
    """The command, restricted to these processors."""
    return ["taskset", "--cpu-list", ",".join(map(str, processors)), *command]
