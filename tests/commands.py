"""Records the commands that this process sends to MongoDB, so that tests can check which queries were made, and how many."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

Command = dict[str, Any]


class Commands(CommandListener):
    """Records the commands of all MongoDB clients of this process. Register it with pymongo before the clients are created."""

    def __init__(self) -> None:
        self._recorders: list[tuple[str, list[Command]]] = []

    @contextmanager
    def sent(self, database: str) -> Iterator[list[Command]]:
        """A context with a list to which each command is added that is sent to this database. The first key of a command is its name."""
        recorder: tuple[str, list[Command]] = (database, [])
        self._recorders.append(recorder)
        try:
            yield recorder[1]
        finally:
            self._recorders.remove(recorder)

    def started(self, event: CommandStartedEvent) -> None:
        for database, commands in list(self._recorders):
            if database == event.database_name:
                commands.append(dict(event.command))

    def succeeded(self, event: CommandSucceededEvent) -> None:
        pass

    def failed(self, event: CommandFailedEvent) -> None:
        pass
