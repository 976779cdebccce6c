"""Where the process writes what happens: one line an event, for machines or for people."""

import logging
import sys
from contextvars import ContextVar

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

# Each request runs in a task of its own, which has its own value.
REQUEST_ID: ContextVar[str] = ContextVar("request_id")
EXTRAS = ("request_id", "at")


def configure(level: str, format: str) -> None:
    """Send the standard library's logging, the server's and ours, through structlog to standard error."""
    shared: list[Processor] = [
        with_request_id,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(EXTRAS),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        without_traceback,
    ]
    renderer: Processor = structlog.processors.JSONRenderer() if format == "json" else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # The driver's own lines name hosts; the server's hold what stands in URLs, and so do those of the client that asks an issuer for its keys.
    logging.getLogger("pymongo").setLevel(logging.CRITICAL)
    for name in ("httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Its warnings are of what clients do wrong: any of them could have it write as often as it likes.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)


def with_request_id(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """The event with the id of the request that it belongs to, if any."""
    if id := REQUEST_ID.get(None):
        event["request_id"] = id
    return event


def without_traceback(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """The event without a traceback's values: an exception's text can hold anything, its type and place can't."""
    if error := event.pop("exc_info", None):
        cause = error[1] if isinstance(error, tuple) else error
        event["error"] = type(cause).__name__
    return event
