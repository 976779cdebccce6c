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


class AuditLog:
    """Writes the audit log. A line that can't be written is counted and logged, and the request goes on. `failures`: how many there were.

    `target`: "stdout", "stderr", or the path of a file, to which lines are appended. If the file is renamed, for example by logrotate, a new one is
    created. Raises: BadAuditLog.
    """

    def __init__(self, target: str, now: Clock = utc_now) -> None:
        self._now = now
        self.failures = 0
        # This logger has no parent: lines of the audit log must not appear in the log of the process too.
        self._logger = logging.Logger("gateway.audit", logging.INFO)
        try:
            handler = logging.StreamHandler(getattr(sys, target)) if target in STREAMS else WatchedFileHandler(target, encoding="utf-8")
        except OSError as error:
            raise BadAuditLog(type(error).__name__) from None
        handler.handleError = self._failed  # type: ignore[method-assign]
        self._logger.addHandler(handler)

    def record(
        self, caller: Caller, act: Act, verification_ids: Collection[str], fields: Collection[str] = (), request_id: str | None = None
    ) -> None:
        """Write that a caller did something with these verifications.

        `fields`: the fields that the caller read, as "Verification.declaredIdentity". `request_id`: None if it is that of the current request.
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
        """Close the file. Lines that could not be written are tried once more."""
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
        """The metric of these failures. The library calls this method when Prometheus reads the metrics."""
        yield CounterMetricFamily("gateway_audit_failures", "Lines of the audit log that could not be written", value=self._audit.failures)
