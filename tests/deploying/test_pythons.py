"""Tests `make pythons`, which runs the tests with each supported release of Python that is installed."""

import re
import sys

import pytest

from requirements import pythons
from tests.deploying.containers import ROOT


def test_the_supported_releases_are_those_of_the_package() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    [oldest] = re.findall(r'^requires-python = ">=(.+)"$', project, re.MULTILINE)

    assert pythons.RELEASES[0] == oldest


def test_a_release_that_is_not_installed_is_left_out(capfd: pytest.CaptureFixture[str]) -> None:
    assert pythons.tested("3.5", []) == "not installed"


@pytest.mark.parametrize(("selection", "result"), [("tests/domain/test_status.py", "passed"), ("tests/missing.py", "failed")])
def test_the_tests_run_with_an_installed_release(selection: str, result: str, capfd: pytest.CaptureFixture[str]) -> None:
    # The arguments after the selection make pytest use one worker. By default, the script starts several.
    assert pythons.tested(f"{sys.version_info.major}.{sys.version_info.minor}", [selection, "--numprocesses", "1"]) == result
