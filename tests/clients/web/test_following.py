"""Tests that web/client follows verifications: nothing is lost or delivered twice, whatever happens to the connection, the token or the page."""

import asyncio
import signal
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.clients.outages import BAD_GATEWAY, Outages, outages
from tests.clients.web.program import Program, program
from tests.company import CAPTURE_COMPLETED, CAPTURE_STARTED, LINK_OPENED, Company
from tests.processes.process import running
from tests.processes.service import free_port, settings_at

FOLLOWER = "follower.js"
SCOPE = "verification:read"


@pytest.fixture
def company(company: Company) -> Company:
    """A company in the workspace of the tokens that the programs sign."""
    return Company(company.gateway, company.collection, "acme")


def port_of(company: Company) -> int:
    """The port of the company's gateway. No test kills this gateway."""
    return int(company.gateway.url.rsplit(":", 1)[1])


def events(follower: Program) -> dict[int, list[int]]:
    """The versions of the delivered events in their order, by attempt."""
    versions: dict[int, list[int]] = defaultdict(list)
    for line in follower.of("change"):
        versions[line["change"]["attempt"]] += line["events"]
    return dict(versions)


async def has(follower: Program, attempt: int, version: int) -> None:
    """Wait until the follower has received a version of an attempt."""
    state = {"attempt": attempt, "version": version}
    await follower.until(lambda program: any(state.items() <= change.items() for change in program.all("change")))


@asynccontextmanager
async def behind(proxy: Outages, directory: Path, database_uri: str, refusal: bytes) -> AsyncIterator[None]:
    """Run a gateway behind the proxy until the context ends. Then kill it, and wait until the proxy has refused two connections of the client.

    `refusal`: what the proxy sends to a client while no gateway runs.
    """
    port = free_port()
    async with running(directory, "serve", GATEWAY_MONGO_URI=database_uri, **settings_at(port)) as command:
        await command.ready(f"http://127.0.0.1:{port}")
        proxy.end(port)
        yield
        await command.end(signal.SIGKILL)
    proxy.begin(refusal)
    while proxy.refused < 2:
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("blocks_sockets", [False, True], ids=["sockets", "event streams because sockets are blocked"])
async def test_a_chain_is_followed_without_loss_while_its_gateway_is_killed(
    node: str, company: Company, shared_database_uri: str, tmp_path: Path, blocks_sockets: bool
) -> None:
    id = await company.created()
    token = await company.follow_token(id)
    async with outages(blocks_sockets) as proxy, program(node, FOLLOWER, proxy.url, VERIFICATION=id, RETRIES="yes", TOKEN=token) as follower:
        proxy.end(port_of(company))
        await has(follower, 1, 1)
        proxy.begin(BAD_GATEWAY)
        async with behind(proxy, tmp_path, shared_database_uri, refusal=b""):
            await company.progress(id, LINK_OPENED)
            await has(follower, 1, 2)
        await company.progress(id, CAPTURE_STARTED)
        await company.result(id, "FAILED", "IDVV_2101")
        retry = (await company.retry(id))["id"]
        proxy.end(port_of(company))
        await has(follower, 1, 5)
        await has(follower, 2, 1)
        proxy.begin(BAD_GATEWAY)
        await company.progress(retry, LINK_OPENED)
        await company.result(retry, "VERIFIED")
        proxy.end(port_of(company))
        await follower.exited()

    assert events(follower) == {1: [2, 3, 4, 5], 2: [1, 2, 3]}
    assert follower.of("change")[-1]["shown"] == 2
    assert follower.all("ended") == ["completed"]
    assert {"connecting", "connected", "waiting", "idle"} == set(follower.all("connection"))
    used = {line["transport"] for line in follower.of("connection") if line["connection"] == "connected"}
    assert "sse" in used if blocks_sockets else "websocket" in used
    if blocks_sockets:
        assert used == {"sse"}


@pytest.mark.parametrize("scheme", ["", "yes"], ids=["sockets", "event streams"])
async def test_a_token_is_renewed_before_it_expires(node: str, company: Company, scheme: str) -> None:
    id = await company.created()
    environment = {"TOKENS": "12 3600", "WITHOUT_SOCKETS": scheme, "SCOPE": SCOPE}

    async with program(node, FOLLOWER, company.gateway.url, VERIFICATION=id, **environment) as follower:
        await has(follower, 1, 1)
        await follower.printed(token=3600)
        await company.progress(id, LINK_OPENED)
        await has(follower, 1, 2)
        await company.result(id, "VERIFIED")
        await follower.exited()

    assert events(follower) == {1: [2, 3]}
    # web/client has replaced the connection, and has never shown it as lost.
    assert follower.all("connection") == ["connecting", "connected", "idle"]


async def test_an_expired_token_is_replaced(node: str, company: Company) -> None:
    id = await company.created()
    # The first two tokens are valid for only 2 s. web/client checks its token every 2 s, so each of these tokens can expire before a check.
    async with program(node, FOLLOWER, company.gateway.url, VERIFICATION=id, TOKENS="2 2 3600", SCOPE=SCOPE) as follower:
        await follower.printed(token=3600)
        await company.progress(id, LINK_OPENED)
        await has(follower, 1, 2)
        await company.result(id, "VERIFIED")
        await follower.exited()

    assert events(follower) == {1: [2, 3]}


@pytest.mark.parametrize("without_sockets", ["", "yes"], ids=["sockets", "event streams"])
@pytest.mark.parametrize(
    ("tokens", "error", "requests"),
    [("-3600", "UNAUTHENTICATED", 3), ("0", "SIGNED_OUT", 1)],
    ids=["tokens that the gateway refuses", "the user has signed out"],
)
async def test_following_ends_with_an_error(node: str, company: Company, tokens: str, error: str, requests: int, without_sockets: str) -> None:
    id = await company.created()

    environment = {"TOKENS": tokens, "WITHOUT_SOCKETS": without_sockets, "SCOPE": SCOPE}
    async with program(node, FOLLOWER, company.gateway.url, VERIFICATION=id, **environment) as follower:
        await follower.exited()

    assert follower.of("ended")[0]["ended"] == "failed"
    assert follower.of("ended")[0]["error"] == error
    assert len(follower.all("token")) == requests


@pytest.mark.parametrize("without_sockets", ["", "yes"], ids=["sockets", "event streams"])
async def test_an_id_that_does_not_exist_ends_with_not_found(node: str, company: Company, without_sockets: str) -> None:
    environment = {"WITHOUT_SOCKETS": without_sockets, "SCOPE": SCOPE}
    async with program(node, FOLLOWER, company.gateway.url, VERIFICATION="ver_missing", **environment) as follower:
        await follower.exited()

    assert follower.all("change") == []
    assert follower.of("ended") == [{"ended": "failed", "error": "NOT_FOUND", "message": follower.of("ended")[0]["message"]}]


async def test_a_version_that_was_lost_by_a_restored_backup_restarts_from_the_present_state(node: str, company: Company) -> None:
    id = await company.created()

    async with program(node, FOLLOWER, company.gateway.url, VERIFICATION=id, AFTER="7", SCOPE=SCOPE) as follower:
        await has(follower, 1, 1)
        await company.result(id, "VERIFIED")
        await follower.exited()

    assert [line["restarted"] for line in follower.of("change")] == [True, False]


async def test_a_reloaded_page_resumes_from_its_cursor(node: str, company: Company) -> None:
    id = await company.created()
    async with program(node, FOLLOWER, company.gateway.url, VERIFICATION=id, SCOPE=SCOPE) as first:
        await has(first, 1, 1)
        first.send("stop")
        await first.exited()
    await company.progress(id, LINK_OPENED)
    await company.progress(id, CAPTURE_STARTED)

    cursor = first.of("change")[-1]["cursor"]
    async with program(node, FOLLOWER, company.gateway.url, VERIFICATION=id, CURSOR=cursor, SCOPE=SCOPE) as second:
        await has(second, 1, 3)
        await company.progress(id, CAPTURE_COMPLETED)
        await has(second, 1, 4)
        second.send("close")
        await second.exited()

    assert events(second) == {1: [2, 3, 4]}
    assert first.all("ended") == second.all("ended") == ["stopped"]


async def test_a_page_that_slept_notices_that_its_connection_is_dead(node: str, company: Company) -> None:
    id = await company.created()
    async with outages() as proxy, program(node, FOLLOWER, proxy.url, VERIFICATION=id, SCOPE=SCOPE) as follower:
        proxy.end(port_of(company))
        await has(follower, 1, 1)

        proxy.swallow()
        await company.progress(id, LINK_OPENED)
        follower.send("pageshow")
        await has(follower, 1, 2)

    assert events(follower) == {1: [2]}


async def test_without_a_network_the_client_waits_and_says_so(node: str, company: Company) -> None:
    id = await company.created()
    async with outages() as proxy, program(node, FOLLOWER, proxy.url, VERIFICATION=id, SCOPE=SCOPE) as follower:
        proxy.end(port_of(company))
        await has(follower, 1, 1)

        follower.send("offline")
        await follower.printed(connection="offline")
        proxy.begin(b"")
        proxy.end(port_of(company))
        await company.progress(id, LINK_OPENED)
        await asyncio.sleep(2)
        assert events(follower) == {1: []}
        follower.send("online")
        await has(follower, 1, 2)

    assert follower.all("connection")[-1] == "connected"
    assert events(follower) == {1: [2]}
