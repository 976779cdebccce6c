"""Reports the beginning and the end of each command, for traces."""

from collections.abc import Callable
from threading import get_ident
from typing import Any

from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from store.monitoring.commands import NO_ANSWER

# Called when a command begins, with its name and its collection (empty if it has none). Returns what `EndSpan` receives when the command ends.
BeginSpan = Callable[[str, str], Any]
# Called when a command ends, with what `BeginSpan` returned, and with the outcome: None after a success, otherwise MongoDB's error code or NO_ANSWER.
EndSpan = Callable[[Any, str | None], None]


class CommandSpans(CommandListener):
    """Calls `begin` and `end` for each command, in the thread that sends the command, and with the context of the task that caused the command."""

    def __init__(self, begin: BeginSpan, end: EndSpan) -> None:
        self._begin = begin
        self._end = end
        self._running: dict[tuple[int, int], Any] = {}

    def started(self, event: CommandStartedEvent) -> None:
        """Report that a command begins."""
        target = event.command.get(event.command_name)
        self._running[get_ident(), event.request_id] = self._begin(event.command_name, target if isinstance(target, str) else "")

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Report that MongoDB has answered a command."""
        self._end(self._running.pop((get_ident(), event.request_id), None), None)

    def failed(self, event: CommandFailedEvent) -> None:
        """Report that a command failed."""
        code = event.failure.get("code")
        self._end(self._running.pop((get_ident(), event.request_id), None), NO_ANSWER if code is None else str(code))
