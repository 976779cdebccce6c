"""The process's log: one line for each event, as JSON or for people."""

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
    # The driver's lines contain hosts. The lines of the server and of the HTTP client that fetches the issuer's keys contain URLs.
    logging.getLogger("pymongo").setLevel(logging.CRITICAL)
    for name in ("httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # uvicorn's warnings are about clients' mistakes: any client could fill the log with them.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)


def with_request_id(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """The event with the id of the request that it belongs to, if any."""
    if id := REQUEST_ID.get(None):
        event["request_id"] = id
    return event


def without_traceback(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """The event with the exception's type instead of its text and traceback, which can contain personal data and secrets."""
    if error := event.pop("exc_info", None):
        cause = error[1] if isinstance(error, tuple) else error
        event["error"] = type(cause).__name__
    return event
