"""Who runs where: a server has the first processor for itself; MongoDB and whoever asks have the others."""

import os

AVAILABLE = sorted(os.sched_getaffinity(0))
SERVER = AVAILABLE[:1]
LOAD = AVAILABLE[1:] or AVAILABLE


def stay(processors: list[int]) -> None:
    """Keep this process, and all that it starts from now on, on these processors."""
    os.sched_setaffinity(0, processors)


def pinned(command: list[str], processors: list[int]) -> list[str]:
    """The command, to be run on these processors alone."""
    return ["taskset", "--cpu-list", ",".join(map(str, processors)), *command]
