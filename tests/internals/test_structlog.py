"""Tests that structlog lets a processor remove the exception from a record of Python's module `logging`. See `docs/libraries.md`."""

import io
import logging
from typing import Any

import orjson
import structlog


def test_structlog_lets_a_processor_remove_the_exception_of_a_foreign_record() -> None:
    def without_exception(logger: Any, name: str, event: Any) -> Any:
        taken.append(event.pop("exc_info")[0])
        return event

    taken: list[type] = []
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[without_exception, structlog.stdlib.ExtraAdder(("request_id",))],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer()],
        )
    )
    record = logging.LogRecord("gateway", logging.ERROR, __file__, 1, "failed", (), (ValueError, ValueError("secret"), None))
    record.request_id, record.other = "r1", "unlisted"

    handler.handle(record)

    assert taken == [ValueError]
    assert orjson.loads(out.getvalue()) == {"event": "failed", "request_id": "r1"}
