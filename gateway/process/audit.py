"""The audit log: one line of JSON for each act of a caller that `domain/act.py` lists, such as reading personal data.

It contains no personal data of the people being verified.
"""

import logging
import sys
from collections.abc import Collection, Iterator
from contextlib import suppress
from logging.handlers import WatchedFileHandler

import orjson
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from domain.act import Act
from domain.caller import Caller
from gateway.process.logs import REQUEST_ID
from store.verifications import Clock, utc_now

logger = logging.getLogger(__name__)

STREAMS = ("stdout", "stderr")


class BadAuditLog(Exception):
    """The file of the audit log can't be written."""


class AuditFile(WatchedFileHandler):
    """Appends lines to a file. A line is lost, and no error raised, if the file can't be opened again after it was renamed or removed."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line. `WatchedFileHandler` handles an error of writing, but raises an error of opening, for example if a directory is missing."""
        try:
            super().emit(record)
        except OSError:
            self.handleError(record)


class AuditLog:
    """Writes the audit log. If a line can't be written, the failure is counted in `failures` and logged, and the request goes on.

    `target`: "stdout", "stderr", or the path of a file, to which lines are appended. If the file is renamed, for example by logrotate, a new one is
    created. The constructor raises BadAuditLog if the file can't be opened.
    """

    def __init__(self, target: str, now: Clock = utc_now) -> None:
        self._now = now
        self.failures = 0
        # This logger has no parent: lines of the audit log must not appear in the log of the process too.
        self._logger = logging.Logger("gateway.audit", logging.INFO)
        try:
            handler = logging.StreamHandler(getattr(sys, target)) if target in STREAMS else AuditFile(target, encoding="utf-8")
        except OSError as error:
            raise BadAuditLog(type(error).__name__) from None
        handler.handleError = self._failed  # type: ignore[method-assign]
        self._logger.addHandler(handler)

    def record(
        self, caller: Caller, act: Act, verification_ids: Collection[str], fields: Collection[str] = (), request_id: str | None = None
    ) -> None:
        """Write that a caller did something with these verifications.

        `fields`: the fields that the caller read, such as "Verification.declaredIdentity". `request_id`: None means the id of the current request.
        """
        line = {
            "timestamp": self._now(),
            "act": act.value,
            "subject": caller.subject,
            "workspace": caller.workspace,
            "verifications": sorted(verification_ids),
            **({"fields": [*fields]} if fields else {}),
            "request_id": request_id or REQUEST_ID.get(None),
        }
        self._logger.info("%s", orjson.dumps(line, option=orjson.OPT_UTC_Z).decode())

    def record_read(self, caller: Caller, verification_ids: Collection[str], fields: Collection[str], request_id: str) -> None:
        """Write that a caller read these fields of these verifications."""
        self.record(caller, Act.READ, verification_ids, fields, request_id)

    def close(self) -> None:
        """Close the file. Text that could not be written before is written now, if that is possible now."""
        for handler in self._logger.handlers:
            with suppress(OSError):
                handler.close()

    def _failed(self, record: logging.LogRecord) -> None:
        self.failures += 1
        error = sys.exc_info()[0]
        logger.error("a line of the audit log could not be written (%s)", error.__name__ if error else "unknown")


class AuditFailures(Collector):
    """Reports how many lines of the audit log could not be written."""

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit

    def collect(self) -> Iterator[Metric]:
        """The metric that counts these lines. prometheus_client calls this method when Prometheus reads the metrics."""
        yield CounterMetricFamily("gateway_audit_failures", "Lines of the audit log that could not be written", value=self._audit.failures)
