"""Tests the unit of systemd with systemd's own validator."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import settings
from gateway.settings import Settings, variable
from tests.deploying.recipes import executable

UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "gateway.service"
INSTALLED = "/opt/gateway/bin/gateway"
# The exposure that systemd computes, times ten: 0 is a service that can do nothing, 100 one that is not confined.
MAX_EXPOSURE = 20


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, with the program of the tests instead of the installed one, because the validator checks that the program exists."""
    copy = tmp_path / "gateway.service"
    copy.write_text(UNIT.read_text().replace(INSTALLED, str(Path(sys.executable).parent / "gateway")))
    return copy


def analyzed(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([executable("systemd-analyze"), *arguments], capture_output=True, text=True)


def test_the_unit_is_valid(unit: Path) -> None:
    good = analyzed("verify", str(unit))
    unit.write_text(unit.read_text().replace("TimeoutStopSec=", "TimeoutStopSecs="))
    bad = analyzed("verify", str(unit))

    assert (good.returncode, good.stdout, good.stderr) == (0, "", "")
    assert "TimeoutStopSecs" in bad.stderr, "the validator finds no mistake"


def test_the_service_is_confined(unit: Path) -> None:
    confined = analyzed("security", "--offline=true", f"--threshold={MAX_EXPOSURE}", "--no-pager", str(unit))
    unit.write_text(unit.read_text().replace("ProtectSystem=strict", "").replace("DynamicUser=yes", "").replace("PrivateUsers=yes", ""))
    exposed = analyzed("security", "--offline=true", f"--threshold={MAX_EXPOSURE}", "--no-pager", str(unit))

    assert (confined.returncode, exposed.returncode) == (0, 1)


def test_every_setting_of_the_unit_exists_and_every_secret_comes_from_a_credential() -> None:
    text = UNIT.read_text()
    names = dict(re.findall(r"^Environment=(\w+)=%d/([\w-]+)$", text, re.MULTILINE))
    required = {name for name, field in Settings.model_fields.items() if field.is_required()} & set(settings.secret_settings())

    assert set(names) == {variable(f"{name}_file") for name in required}
    assert re.findall(r"^LoadCredential=([\w-]+):", text, re.MULTILINE) == [*names.values()]
