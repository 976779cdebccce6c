"""The gateway refuses long-lived connections (WebSockets and event streams) beyond a limit, and admits all others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, suppress
from typing import Any

import httpx2
import pytest
from websockets.exceptions import ConnectionClosed

from domain.caller import Caller
from gateway.callers import admission
from gateway.callers.admission import Admission, Capacity, Crowded, line
from gateway.settings import BadSettings
from tests.company import PERSON
from tests.gateway.refusals import refused
from tests.serving import Gateway, serving, settings_for_tests
from tests.wire import GENEROUS_SECONDS, Wire, wired

FEED = "subscription { verificationsUpdated { cursor } }"
CREATE = "mutation($input: CreateVerificationInput!) { createVerification(input: $input) { ... on Verification { id } } }"
ISSUE = "mutation($id: ID!) { issueFollowToken(verificationId: $id) { ... on FollowToken { token } } }"
EVENT_STREAM = {"accept": "text/event-stream"}


class RecordingAdmission(Admission):
    """An `Admission` that records the reason of each refusal, for assertions."""

    def __init__(self, capacity: Capacity) -> None:
        self.reasons: list[str] = []
        super().__init__(capacity, self.reasons.append)


def one_of(address: str) -> tuple[str, Caller]:
    """The arguments of `Admission.introduced` for a connection from this address.

    Each address has its own caller, so that the limit of a caller is never reached.
    """
    return address, Caller(f"of {address}", "acme", frozenset())


def admitted(admission: Admission, address: str) -> bool:
    """Whether one more connection from this address would be admitted now."""
    try:
        with admission.introduced(*one_of(address)):
            return True
    except Crowded:
        return False


def test_a_connection_that_ends_makes_room() -> None:
    admission = RecordingAdmission(Capacity(2, 2, 2))

    with ExitStack() as first:
        first.enter_context(admission.introduced(*one_of("192.0.2.1")))
        with admission.introduced(*one_of("192.0.2.2")):
            assert not admitted(admission, "192.0.2.3")
        assert admitted(admission, "192.0.2.3")
    assert admission.reasons == ["sockets"]


def test_a_refused_connection_is_not_counted() -> None:
    admission = RecordingAdmission(Capacity(3, 1, 1))

    with admission.introduced(*one_of("192.0.2.1")):
        for _ in range(10):
            assert not admitted(admission, "192.0.2.1")
        with admission.introduced(*one_of("192.0.2.2")), admission.introduced(*one_of("192.0.2.3")):
            assert not admitted(admission, "192.0.2.4")
    assert admission.reasons == ["address"] * 10 + ["sockets"]


def test_a_socket_counts_as_arriving_until_its_caller_is_admitted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MAX_ARRIVING", 1)
    kept = RecordingAdmission(Capacity(1, 1, 1))

    with kept.arriving("192.0.2.1") as _, kept.introduced(*one_of("192.0.2.2")), pytest.raises(Crowded, match="connection_init"):
        kept.arriving("192.0.2.3").__enter__()
    newcomer = kept.arriving("192.0.2.1")
    with newcomer:
        with kept.introduced(*one_of("192.0.2.2")), pytest.raises(Crowded):
            newcomer.become(kept.introduced(*one_of("192.0.2.1")))
        with pytest.raises(Crowded, match="connection_init"):
            kept.arriving("192.0.2.3").__enter__()
        newcomer.become(kept.introduced(*one_of("192.0.2.1")))
        assert not admitted(kept, "192.0.2.2")
        with kept.arriving("192.0.2.3"):
            pass
    assert admitted(kept, "192.0.2.2")


def test_subjects_are_counted_by_workspace_and_chain() -> None:
    admission = RecordingAdmission(Capacity(9, 9, 1))
    callers = [
        Caller("Jo", "acme", frozenset()),
        Caller("Jo", "other", frozenset()),
        Caller("Al", "acme", frozenset()),
        Caller("follower of ver_1", "acme", frozenset(), chain="ver_1"),
        Caller("follower of ver_1", "acme", frozenset()),
        Caller("follower of ver_2", "acme", frozenset(), chain="ver_2"),
    ]

    with ExitStack() as stack:
        for caller in callers:
            stack.enter_context(admission.introduced(caller.subject, caller))
        for caller in callers:
            with pytest.raises(Crowded, match="of one subject"):
                stack.enter_context(admission.introduced(caller.subject, caller))
    assert admission.reasons == ["subject"] * len(callers)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("", "", True),
        ("unknown", "192.0.2.1", False),
    ],
)
def test_the_addresses_of_one_line_share_a_limit(one: str, other: str, same: bool) -> None:
    assert (line(one) == line(other)) is same


async def followed(stack: AsyncExitStack, gateway: Gateway, token: str | None = None) -> Wire:
    """Open one more socket with a subscription. Returns the socket, which stays open until the stack is closed."""
    wire = await stack.enter_async_context(wired(gateway, token or gateway.token()))
    await wire.subscribe("1", FEED)
    assert (await wire.hear())["type"] == "next"
    return wire


async def streamed(stack: AsyncExitStack, gateway: Gateway, **headers: str) -> httpx2.Response:
    """Request one more event stream. Returns the response, whose stream stays open until the stack is closed."""
    request = gateway.client.stream(
        "POST", "/graphql", json={"query": FEED}, headers={"authorization": f"Bearer {gateway.token()}", **EVENT_STREAM, **headers}
    )
    return await stack.enter_async_context(request)


async def is_refused(response: httpx2.Response) -> None:
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    await response.aread()
    assert [error["extensions"]["code"] for error in response.json()["errors"]] == ["RATE_LIMITED"]


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"max_sockets": 4}, "sockets"),
        ({"max_sockets_per_address": 4}, "address"),
        ({"max_sockets_per_subject": 4}, "subject"),
    ],
)
async def test_a_connection_beyond_a_limit_is_refused_and_everything_else_is_served(database_uri: str, limits: dict[str, Any], reason: str) -> None:
    async with serving(database_uri, **limits) as gateway, AsyncExitStack() as stack:
        sockets = [await followed(stack, gateway) for _ in range(2)]
        for _ in range(2):
            assert (await streamed(stack, gateway)).status_code == 200

        async with wired(gateway) as wire:
            with suppress(ConnectionClosed):
                await wire.send({"type": "connection_init", "payload": {"authorization": f"Bearer {gateway.token()}"}})
            assert await wire.closed() == 1013
            assert "later" in (wire.connection.close_reason or "")
        await is_refused(await streamed(stack, gateway))

        assert await refused(gateway, reason) == 2
        assert (await gateway.client.get("/livez")).status_code == (await gateway.client.get("/readyz")).status_code == 200
        await gateway.query(CREATE, {"input": PERSON})
        assert (await sockets[0].hear())["type"] == "next"

        await sockets[0].connection.close()
        await is_admitted_again(stack, gateway)


async def is_admitted_again(stack: AsyncExitStack, gateway: Gateway) -> None:
    """Wait until one more event stream is admitted. The gateway may need some time to notice that another connection has closed."""
    async with asyncio.timeout(GENEROUS_SECONDS):
        while not (await streamed(stack, gateway)).is_success:
            await asyncio.sleep(0.02)


async def test_sockets_before_their_connection_init_do_not_count_against_the_limit_of_sockets(database_uri: str) -> None:
    async with serving(database_uri, max_sockets=2) as gateway, AsyncExitStack() as stack:
        for _ in range(5):
            await stack.enter_async_context(wired(gateway))

        for _ in range(2):
            await followed(stack, gateway)


async def test_sockets_before_their_connection_init_are_limited_per_address(database_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MAX_ARRIVING_FROM_ADDRESS", 3)
    async with serving(database_uri) as gateway, AsyncExitStack() as stack:
        for _ in range(3):
            await stack.enter_async_context(wired(gateway))

        async with wired(gateway) as wire:
            assert await wire.closed() == 1013
        assert await refused(gateway, "arrivals") == 1


async def test_while_one_subject_is_at_its_limit_other_subjects_are_admitted(database_uri: str) -> None:
    async with serving(database_uri, max_sockets_per_subject=1) as gateway, AsyncExitStack() as stack:
        ids = [(await gateway.query(CREATE, {"input": PERSON}))["createVerification"]["id"] for _ in range(2)]
        tokens = [(await gateway.query(ISSUE, {"id": id}))["issueFollowToken"]["token"] for id in ids]
        await followed(stack, gateway)
        await followed(stack, gateway, gateway.token(workspace="other"))
        for token in tokens:
            await stack.enter_async_context(wired(gateway, token))

        await is_refused(await streamed(stack, gateway))
        await is_refused(await streamed(stack, gateway, authorization=f"Bearer {tokens[0]}"))


@pytest.fixture
async def behind_a_proxy(database_uri: str) -> AsyncIterator[Gateway]:
    """A gateway that trusts proxies on this machine and in the network 192.0.2.0/24, and admits one long-lived connection per address."""
    async with serving(database_uri, max_sockets_per_address=1, trusted_proxies="192.0.2.0/24, 127.0.0.1") as running:
        yield running


async def test_a_trusted_proxy_determines_the_address_of_clients(behind_a_proxy: Gateway) -> None:
    async with AsyncExitStack() as stack:
        for number in (1, 2, 3):
            assert (await streamed(stack, behind_a_proxy, **{"x-forwarded-for": f"198.51.100.{number}"})).status_code == 200

        # The last address that does not belong to a trusted proxy is the client's. The client itself may have written the addresses before it.
        for forwarded_for in ("198.51.100.1", "203.0.113.9, 198.51.100.2", "203.0.113.9, 198.51.100.3, 192.0.2.7"):
            await is_refused(await streamed(stack, behind_a_proxy, **{"x-forwarded-for": forwarded_for}))


async def test_forwarding_headers_of_an_untrusted_peer_are_ignored(database_uri: str) -> None:
    async with serving(database_uri, max_sockets_per_address=1, trusted_proxies="192.0.2.0/24") as gateway, AsyncExitStack() as stack:
        assert (await streamed(stack, gateway, **{"x-forwarded-for": "198.51.100.1"})).status_code == 200

        for name in ("x-forwarded-for", "x-real-ip", "forwarded", "x-client-ip", "true-client-ip"):
            await is_refused(await streamed(stack, gateway, **{name: "198.51.100.2"}))


@pytest.mark.parametrize("text", ["*", "proxy.example", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.1 10.0.0.2", "10.0.0.1,*"])
def test_trusted_proxies_must_be_addresses_or_networks(text: str) -> None:
    with pytest.raises(BadSettings, match="GATEWAY_TRUSTED_PROXIES: must be addresses and networks"):
        settings_for_tests("mongodb://unused", 8000, trusted_proxies=text)
