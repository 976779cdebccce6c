"""The log of the process: one line for each event, as JSON or as text for people."""

import logging
import sys
from contextvars import ContextVar

import structlog
from stamina.instrumentation import LoggingOnRetryHook, set_on_retry_hooks
from structlog.types import EventDict, Processor, WrappedLogger

# The id of the current request, for its lines in the log. Each request runs in a separate task, so each has a separate value.
REQUEST_ID: ContextVar[str] = ContextVar("request_id")
EXTRAS = ("request_id", "at", "driver_error", "driver_code")


def configure_logging(level: str, format: str) -> None:
    """Set up logging: lines of at least this level, from the gateway and its libraries, go through structlog to standard error."""
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
    # The MongoDB driver logs host names, which must not appear in this log.
    logging.getLogger("pymongo").setLevel(logging.CRITICAL)
    # The HTTP client logs the URL of each request. Only its warnings belong in this log.
    for name in ("httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # The library `stamina`, which repeats failed requests, writes its messages into this log instead of printing them.
    set_on_retry_hooks([LoggingOnRetryHook])
    # uvicorn logs URLs, and warns about mistakes of clients: any client could fill the log with its warnings. Only its errors belong in this log.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)


def with_request_id(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """Add the id of the current request to a line of the log, if the line was logged during a request. A processor of structlog."""
    if id := REQUEST_ID.get(None):
        event["request_id"] = id
    return event


def without_traceback(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """Replace an exception in a line of the log by the name of its type. The text and the traceback can contain personal data and secrets.

    A processor of structlog.
    """
    if error := event.pop("exc_info", None):
        cause = error[1] if isinstance(error, tuple) else error
        event["error"] = type(cause).__name__
    return event
