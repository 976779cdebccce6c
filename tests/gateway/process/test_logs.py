"""What the lines of the log contain, and what they must not contain."""

import logging
from collections.abc import Iterator

import orjson
import pytest

from gateway.process.logs import REQUEST_ID, configure_logging

QUIETED = ("pymongo", "httpx2", "httpcore2", "uvicorn")


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Restore the configuration of logging after each test, because the tests change it."""
    root = logging.getLogger()
    handlers, level, levels = root.handlers[:], root.level, {name: logging.getLogger(name).level for name in QUIETED}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    """The lines that were logged so far, parsed from JSON."""
    return [orjson.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_has_its_level_logger_time_and_request_id(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", "json")
    token = REQUEST_ID.set("request-1")

    logging.getLogger("gateway.test").info("%s happened", "something", extra={"at": "file:1", "secret": "x"})
    REQUEST_ID.reset(token)

    [line] = lines(capsys)
    assert str(line.pop("timestamp")).endswith("Z")
    assert line == {"event": "something happened", "level": "info", "logger": "gateway.test", "request_id": "request-1", "at": "file:1"}


def test_an_exception_is_logged_by_its_type_alone(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", "json")

    try:
        raise ValueError("a secret")
    except ValueError:
        logging.getLogger("gateway.test").exception("failed")

    [line] = lines(capsys)
    assert line["error"] == "ValueError"
    assert "secret" not in repr(line)
    assert "Traceback" not in repr(line)


def test_lines_below_the_level_and_lines_of_libraries_that_contain_addresses_are_dropped(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", "json")

    logging.getLogger("gateway.test").debug("a detail")
    logging.getLogger("pymongo.topology").error("a host")
    logging.getLogger("httpx2").info("a URL")
    logging.getLogger("uvicorn.error").warning("a client's mistake")

    assert lines(capsys) == []


def test_the_console_format_is_one_readable_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", "console")

    logging.getLogger("gateway.test").info("something happened")

    [line] = capsys.readouterr().err.splitlines()
    assert "something happened" in line
    assert "gateway.test" in line
