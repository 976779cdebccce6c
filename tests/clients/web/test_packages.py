"""Tests that the packages of web/ can be packed, and installed in an empty folder without being published."""

import asyncio
import json
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest

from tests.clients.web.packages import install

IMPORTS = """
import { createGatewayClient } from "@verification-gateway/client"
import { VerificationStatusElement } from "@verification-gateway/element"
import { useVerification, VerificationStatus } from "@verification-gateway/react"
console.log([createGatewayClient, VerificationStatusElement, useVerification, VerificationStatus].map((each) => typeof each).join())
"""


@pytest.fixture(scope="module")
async def folder(node: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the packages are installed."""
    folder = tmp_path_factory.mktemp("app")
    await install(folder)
    return folder


async def test_an_app_in_an_empty_folder_can_import_the_packages(node: str, folder: Path) -> None:
    (folder / "main.mjs").write_text(IMPORTS)
    process = await asyncio.create_subprocess_exec(node, folder / "main.mjs", stdout=PIPE, stderr=STDOUT)
    output, _ = await process.communicate()

    assert output.decode().split() == ["function,function,function,function"]


def test_each_package_has_its_types_and_its_readme_and_only_one_copy(folder: Path) -> None:
    lock = json.loads((folder / "package-lock.json").read_text())["packages"]
    own = [name for name in lock if "@verification-gateway" in name]

    assert own == [f"node_modules/@verification-gateway/{name}" for name in ("client", "element", "react")]
    for path in (folder / name for name in own):
        assert (path / "dist" / "index.d.ts").exists()
        assert (path / "README.md").exists()
        assert not (path / "tests").exists()
