"""Tests that web/client follows lists: when nothing is written, a list equals the database, whatever was written and interrupted before."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from pymongo import MongoClient

from store.indexes import VERIFICATIONS
from tests.clients.web.load import Lister, equal, lister, run
from tests.company import LINK_OPENED, Company
from tests.serving import serving

SECONDS_OF_LOAD = 6
SEED = 16


@pytest.fixture
async def company(database_uri: str, mongo: MongoClient[dict[str, Any]]) -> AsyncIterator[Company]:
    """A company at a gateway that soon deletes anonymized verifications, and that resumes feeds only after interruptions of less than two seconds."""
    async with serving(database_uri, remove_seconds=0.5, sweep_seconds=0.3, feed_resume_seconds=2) as gateway:
        yield Company(gateway, mongo[urlsplit(database_uri).path[1:]][VERIFICATIONS])


def port_of(company: Company) -> int:
    """The port of the company's gateway."""
    return int(company.gateway.url.rsplit(":", 1)[1])


async def connected(followed: Lister, company: Company) -> None:
    """Let the proxy of a list forward connections, and wait until the list equals the database."""
    followed.proxy.end(port_of(company))
    await equal(followed, company)


async def size_of(followed: Lister) -> tuple[int, bool, int]:
    """The number of loaded rows of a list, whether there are rows that are not loaded, and the list's count of all its rows."""
    shown = await followed.shown()
    assert shown
    return len(shown["rows"]), shown["hasMore"], shown["count"]


async def test_rows_appear_change_leave_and_are_removed(node: str, company: Company) -> None:
    first = await company.created()
    async with lister(node, status=("PENDING", "INCONCLUSIVE"), TOKEN=company.token()) as followed:
        await connected(followed, company)
        second = await company.created()
        await company.progress(first, LINK_OPENED)
        await equal(followed, company)
        await company.result(first, "VERIFIED")
        await equal(followed, company)
        await company.result(second, "INCONCLUSIVE", "IDVV_1314")
        await company.anonymize(second)
        await followed.program.until(lambda program: any(second in left for left in program.all("left")))
        await equal(followed, company)
        assert await followed.shown() == {"rows": [], "count": 0, "hasMore": False}

        followed.program.send("stop")
        await followed.program.exited()

    assert followed.program.all("left").count([first]) == 1
    assert followed.program.all("left")[-1] == [second]


async def test_pages_are_loaded_and_the_count_covers_all(node: str, company: Company) -> None:
    ids = [await company.created() for _ in range(25)]
    async with lister(node, PAGE_SIZE="10", TOKEN=company.token()) as followed:
        await connected(followed, company)
        assert await size_of(followed) == (10, True, 25)
        followed.program.send("more")
        await followed.program.printed(more=True)
        await company.progress(ids[0], LINK_OPENED)
        await company.created()
        await equal(followed, company)
        assert await size_of(followed) == (21, True, 26)
        followed.program.send("more")
        await followed.program.until(lambda program: program.all("more") == [True, True])
        await equal(followed, company)
        assert await size_of(followed) == (26, False, 26)


async def test_a_list_is_read_again_if_its_feed_can_not_be_resumed(node: str, company: Company) -> None:
    ids = [await company.created() for _ in range(12)]
    async with lister(node, PAGE_SIZE="5", TOKEN=company.token()) as followed:
        await connected(followed, company)
        followed.program.send("more")
        await followed.program.printed(more=True)

        followed.proxy.begin(b"")
        await company.result(ids[-1], "VERIFIED")
        await company.anonymize(ids[-1])
        await company.created()
        await asyncio.sleep(4)
        followed.proxy.end(port_of(company))
        await equal(followed, company)
        assert await size_of(followed) == (10, True, 12)


async def test_a_filter_that_the_caller_may_not_use_ends_with_an_error(node: str, company: Company) -> None:
    async with lister(node, TOKENS="3600", SCOPE="verification:report") as followed:
        followed.proxy.end(port_of(company))
        await followed.program.exited()

    assert followed.program.of("ended") == [{"ended": "failed", "error": "FORBIDDEN"}]


async def test_lists_equal_the_database_after_load_and_faults(node: str, company: Company) -> None:
    load = await run(node, company, port_of(company), company.token(), SECONDS_OF_LOAD, SEED, rounds=2)

    assert load.writes > 30
