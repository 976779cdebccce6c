"""Tests how lines are written to the audit log, and what happens to lines that can't be written."""

from pathlib import Path

import orjson
import pytest

from domain.act import Act
from domain.caller import Caller, Scope
from gateway.process.audit import AuditLog, BadAuditLog

CALLER = Caller("ada", "acme", frozenset({Scope.READ}))


def test_a_line_is_json_and_goes_to_the_chosen_stream(capsys: pytest.CaptureFixture[str]) -> None:
    AuditLog("stdout").record(CALLER, Act.CLOSED, ["ver_2", "ver_1"], request_id="r1")

    out, err = capsys.readouterr()
    line = orjson.loads(out)
    assert (line["act"], line["subject"], line["workspace"], line["verifications"]) == ("closed", "ada", "acme", ["ver_1", "ver_2"])
    assert line["request_id"] == "r1"
    assert "fields" not in line
    assert err == ""


def test_lines_are_appended_and_a_renamed_file_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "audit.log"
    file.write_text("earlier\n")
    log = AuditLog(str(file))

    log.record(CALLER, Act.READ, ["ver_1"])
    file.rename(tmp_path / "audit.log.1")
    log.record(CALLER, Act.READ, ["ver_2"])
    log.close()

    assert (tmp_path / "audit.log.1").read_text().startswith("earlier\n{")
    assert orjson.loads(file.read_text())["verifications"] == ["ver_2"]


def test_a_file_that_cannot_be_written_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(BadAuditLog):
        AuditLog(str(tmp_path / "missing" / "audit.log"))


def test_a_line_that_cannot_be_written_is_counted_and_logged_and_raises_nothing(caplog: pytest.LogCaptureFixture) -> None:
    # Every write to this device fails, as on a full disk.
    log = AuditLog("/dev/full")

    log.record(CALLER, Act.READ, ["ver_1"])

    log.close()

    assert log.failures == 1
    assert [record.getMessage() for record in caplog.records] == ["a line of the audit log could not be written (OSError)"]


def test_while_the_directory_is_missing_lines_are_counted_and_the_next_line_after_that_is_written(tmp_path: Path) -> None:
    directory = tmp_path / "logs"
    directory.mkdir()
    log = AuditLog(str(directory / "audit.log"))
    directory.rename(tmp_path / "moved")

    for _ in range(2):
        log.record(CALLER, Act.READ, ["ver_1"])
    directory.mkdir()
    for _ in range(2):
        log.record(CALLER, Act.READ, ["ver_2"])
    log.close()

    assert log.failures == 2
    assert [orjson.loads(line)["verifications"] for line in (directory / "audit.log").read_text().splitlines()] == [["ver_2"]] * 2
