"""A fixture that runs commands inside the test's process, and one that all tests of this folder use automatically."""

import gc
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import __main__
from tests.processes.invocation import Outcome, Run


@pytest.fixture(scope="module", autouse=True)
def lost_servers() -> Iterator[None]:
    """Run the garbage collector after each module, and ignore its warnings about unclosed sockets.

    When a test ends its MongoDB, the driver sometimes leaves an unclosed socket to the garbage collector, which then warns. Tests treat this warning
    as an error, so it would fail an unrelated test that happens to run at that moment. The gateways run in other processes: this fixture hides
    nothing about them.
    """
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """A function that runs the command `gateway` inside the test's process, in an empty directory. Only the given settings are set."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("GATEWAY_")]:
        monkeypatch.delenv(name)

    def run(*arguments: str, **settings: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["gateway", *arguments])
        with monkeypatch.context() as patched:
            for name, value in settings.items():
                patched.setenv(name, value)
            with pytest.raises(SystemExit) as exited:
                __main__.main()
        return Outcome(exited.value.code or 0, *capsys.readouterr())

    return run
