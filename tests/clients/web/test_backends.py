"""Tests the programs of docs/frontends.md that follow all verifications from a backend: each resumes after an outage, and prints each state once."""

import asyncio
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from store.indexes import VERIFICATIONS
from tests.clients.outages import BAD_GATEWAY, outages
from tests.clients.test_examples import EXAMPLES
from tests.clients.web.packages import linked
from tests.clients.web.program import SECONDS, program
from tests.company import LINK_OPENED, Company
from tests.serving import Gateway
from tests.storing import until


@pytest.fixture
def company(gateway: Gateway, database_name: str, mongo: MongoClient[dict[str, Any]]) -> Company:
    """A company at a gateway of its own, whose only subscriber is the program."""
    return Company(gateway, mongo[database_name][VERIFICATIONS])


async def subscribed(gateway: Gateway) -> None:
    """Wait until a subscription listens at the gateway."""
    async with asyncio.timeout(SECONDS):
        while "\ngateway_subscribers 1.0\n" not in (await gateway.client.get("/metrics")).text:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("name", ["follow.mjs", "follow.py"])
async def test_the_program_prints_each_state_once_also_after_an_outage(node: str, tmp_path: Path, company: Company, name: str) -> None:
    shutil.copy(EXAMPLES / "backend" / name, linked(tmp_path))
    port = int(company.gateway.url.rpartition(":")[2])
    environment = {"VERIFICATION_TOKEN": company.token()}
    async with outages() as proxy:
        proxy.end(port)
        url = {"VERIFICATION_URL": f"{proxy.url}/graphql"}
        async with program(sys.executable if name.endswith(".py") else node, tmp_path / name, proxy.url, **environment, **url) as follower:
            await subscribed(company.gateway)
            id = await company.created()
            await follower.printed(id=id, status="PENDING", phase="AWAITING_INDIVIDUAL")
            proxy.begin(BAD_GATEWAY)
            await company.progress(id, LINK_OPENED)
            await until(lambda: proxy.refused > 0)
            proxy.end(port)
            await follower.printed(id=id, status="PENDING", phase="IN_SESSION")
            await company.result(id, "VERIFIED")
            await follower.printed(id=id, status="VERIFIED", phase="DONE")

    assert [line["phase"] for line in follower.of("phase")] == ["AWAITING_INDIVIDUAL", "IN_SESSION", "DONE"]
