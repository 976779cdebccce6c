"""The port of traces. `tracing.py` implements it with OpenTelemetry, and is only imported while traces are on."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

import httpx2
from starlette.types import Scope

from store.driver import DriverListener

# Marks the span of an operation as failed, with the code of its first error.
MarkFailed = Callable[[str], None]


class Traces(Protocol):
    """What the gateway needs to trace operations, the commands that they send to MongoDB, and requests to other servers."""

    def accept(self, scope: Scope) -> None:
        """A hook before each request: continues the trace that its header `traceparent` names."""

    def operation(self, label: tuple[str, str], workspace: str, request_id: str) -> AbstractContextManager[MarkFailed]:
        """A context in which an operation is executed. `label`: its name in the metrics, and its type."""

    def comment(self) -> str | None:
        """A comment that names the current span, to be sent with a command of MongoDB; None outside of a trace."""

    @property
    def listener(self) -> DriverListener:
        """The listener that must be registered with a client of MongoDB, so that its commands are traced."""

    def client(self, **options: Any) -> httpx2.AsyncClient:
        """An HTTP client whose requests are traced, and name the trace in their headers. `options`: the options of `httpx2.AsyncClient`."""

    def close(self) -> None:
        """Send the spans that were not sent yet."""
