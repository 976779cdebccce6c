"""Tests of the load generator (bench/load.py and load.lua): it must end the run at the first wrong answer."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from bench.load import Load, Request, WrongAnswers, lines, loaded
from bench.machinery import Served

pytestmark = pytest.mark.skipif(not shutil.which("wrk"), reason="wrk is missing")


@contextmanager
def answering(status: int, body: bytes) -> Iterator[Served]:
    """Start a server that sends the same answer to every request, and stop it at the end of the context."""

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server, subprocess.Popen([os.devnull], executable="/bin/true") as process:
        Thread(target=server.serve_forever, daemon=True).start()
        yield Served(f"http://127.0.0.1:{server.server_address[1]}", "", process, "")
        server.shutdown()


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """A load with one request, to which there are two right answers."""
    requests = lines(tmp_path / "requests", [Request("GET", "/point").line])
    return Load(requests, lines(tmp_path / "answers", ['{"data":1}', '{"data":2}']))


def test_right_answers_are_counted(load: Load) -> None:
    with answering(200, b'{"data":2}') as server:
        figures = loaded(server, load, 1, seed=1, connections=2)

    assert figures.per_second > 0


@pytest.mark.parametrize(("status", "body"), [(200, b'{"data":3}'), (500, b'{"data":1}'), (200, b'{"data":1} ')])
def test_a_wrong_answer_ends_the_run(load: Load, status: int, body: bytes) -> None:
    with answering(status, body) as server, pytest.raises(WrongAnswers, match="were wrong"):
        loaded(server, load, 1, seed=1, connections=2)


def test_a_server_that_is_gone_ends_the_run(load: Load) -> None:
    with answering(200, b'{"data":1}') as server:
        pass

    with pytest.raises(WrongAnswers):
        loaded(server, load, 1, seed=1, connections=2)
