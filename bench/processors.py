"""Assigns processors to processes. The server runs alone on the first processor; MongoDB and the load generator run on the others."""

import os

AVAILABLE = sorted(os.sched_getaffinity(0))
SERVER = AVAILABLE[:1]
LOAD = AVAILABLE[1:] or AVAILABLE


def stay(processors: list[int]) -> None:
    """Restrict this process to these processors, and also every process that it starts later."""
    os.sched_setaffinity(0, processors)


def pinned(command: list[str], processors: list[int]) -> list[str]:
    """The command extended with `taskset`, so that its process runs only on these processors."""
    return ["taskset", "--cpu-list", ",".join(map(str, processors)), *command]
