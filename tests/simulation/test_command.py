import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path

import pytest

from gateway.development import keys as development
from simulation.command import run
from simulation.credentials import Credentials
from tests.serving import Gateway
from tests.simulation.stored import SPEED, STATISTICS, stored_verifications


def test_the_command_reports_an_error_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "nothing.json", count=1) == 2

    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    assert output.err.startswith("gateway simulate: cannot read the credentials file")


async def test_the_summary_has_the_same_counts_as_the_gateways_statistics(gateway: Gateway, credentials: Credentials, tmp_path: Path) -> None:
    async with running_command(credentials, tmp_path, "--seed", "5", "--rate", "200", "--count", "12", "--speed", str(SPEED)) as process:
        output, errors = await process.communicate()

    statistics = (await gateway.query(STATISTICS))["verificationStats"]
    assert (process.returncode, errors) == (0, b"")
    assert "12 started, 0 in flight" in output.decode()
    assert all(f"{row['count']} {row['status'].lower()}" in output.decode() for row in statistics["byStatus"])


async def test_sigterm_ends_the_command_with_a_summary(credentials: Credentials, tmp_path: Path) -> None:
    async with running_command(credentials, tmp_path, "--rate", "5") as process:
        while not await stored_verifications(credentials):
            await asyncio.sleep(0.1)
        process.terminate()
        output, errors = await process.communicate()

    assert (process.returncode, errors) == (143, b"")
    assert b"0 in flight" in output


@asynccontextmanager
async def running_command(credentials: Credentials, folder: Path, *options: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the command `gateway simulate` as a process. The process is killed at the end of the `async with` block."""
    file = folder / "credentials.json"
    development.write_private(file, asdict(credentials))
    command = (sys.executable, "-m", "gateway", "simulate", "--credentials-file", str(file), *options)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
