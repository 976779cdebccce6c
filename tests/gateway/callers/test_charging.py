"""Tests that requests are charged to the client's address until the token is verified, and then to the caller."""

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from domain.caller import Caller
from gateway.callers.buckets import Buckets
from gateway.callers.charging import CHARACTERS_PER_EXTRA_COST, Charging, is_private
from gateway.callers.rate import Rate
from gateway.errors import RequestRefused, refused
from gateway.transports import http
from tests.serving import Gateway, serving
from tests.wire import GENEROUS_SECONDS, wired

CALLER = Caller("jo", "acme", frozenset())
UNAUTHENTICATED = refused("UNAUTHENTICATED", "no token", 401)
ME = "{ me { subject } }"
BURST = 5
INIT = {"type": "connection_init"}


def stopped() -> float:
    """A clock that stands still."""
    return 1000.0


def a_charging(proxies: tuple[str, ...] = (), counted: list[str] | None = None) -> tuple[Charging, Rate]:
    """A `Charging`, and the rate of its callers. A caller can spend a cost of 1,000. An address can be charged for three refused requests.

    `proxies`: the networks of trusted proxies. `counted`: collects the reasons of refusals.
    """
    rate = Rate(1, 1000, stopped)
    return Charging(rate, Buckets(1, 3, stopped), proxies, (counted if counted is not None else []).append), rate


def scope(address: str, *forwarded: str) -> dict[str, Any]:
    """The part of a request's scope from which the client's address is read."""
    return {"client": (address, 1234), "headers": [(b"x-forwarded-for", each.encode()) for each in forwarded]}


def test_an_address_is_charged_for_refused_requests_until_it_is_refused_itself() -> None:
    counted: list[str] = []
    charging, _ = a_charging(counted=counted)

    sent = [charging.refused("203.0.113.7", UNAUTHENTICATED) for _ in range(4)]

    assert [refusal.status for refusal in sent] == [401, 401, 401, 429]
    assert sent[-1].errors[0]["extensions"] == {"code": "RATE_LIMITED", "retryAfterMs": 1000}
    assert sent[-1].headers == {"retry-after": "1"}
    assert counted == ["address"]
    with pytest.raises(RequestRefused):
        charging.check_address("203.0.113.7")
    charging.check_address("203.0.113.8")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_refusals_that_are_not_the_clients_fault_are_not_charged(status: int) -> None:
    charging, _ = a_charging()
    refusal = refused("UNAVAILABLE", "later", status)

    assert [charging.refused("203.0.113.7", refusal) for _ in range(10)] == [refusal] * 10
    charging.check_address("203.0.113.7")


def test_the_addresses_of_one_subscriber_line_share_a_budget() -> None:
    charging, _ = a_charging()
    for number in range(3):
        charging.refused(f"2001:db8::{number}", UNAUTHENTICATED)

    with pytest.raises(RequestRefused):
        charging.check_address("2001:db8::ffff")
    charging.check_address("2001:db8:0:1::1")


@pytest.mark.parametrize(
    ("proxies", "client", "forwarded", "address"),
    [
        ((), "10.0.0.1", ("203.0.113.7",), "10.0.0.1"),
        (("10.0.0.0/8",), "10.0.0.1", ("203.0.113.7",), "203.0.113.7"),
        (("10.0.0.0/8",), "10.0.0.1", ("198.51.100.1, 203.0.113.7", "10.0.0.2"), "203.0.113.7"),
        (("10.0.0.0/8",), "203.0.113.9", ("203.0.113.7",), "203.0.113.9"),
        (("10.0.0.0/8",), "10.0.0.1", (), "10.0.0.1"),
    ],
)
def test_only_trusted_proxies_may_name_the_clients_address(proxies: tuple[str, ...], client: str, forwarded: tuple[str, ...], address: str) -> None:
    charging, _ = a_charging(proxies)

    assert charging.address(scope(client, *forwarded)) == address


def test_a_request_without_an_address_has_an_empty_one() -> None:
    assert a_charging()[0].address({"client": None, "headers": []}) == ""


@pytest.mark.parametrize(
    ("characters", "cost"),
    [(0, 0), (CHARACTERS_PER_EXTRA_COST - 1, 0), (CHARACTERS_PER_EXTRA_COST, 1), (10 * CHARACTERS_PER_EXTRA_COST + 5, 10)],
)
def test_long_requests_cost_more(characters: int, cost: int) -> None:
    charging, rate = a_charging()

    charging.charge_length(CALLER, characters)

    assert rate.missing(CALLER, 1000) == cost


async def test_a_message_on_a_socket_costs_one() -> None:
    charging, rate = a_charging()

    await charging.pay_message(CALLER)

    assert rate.missing(CALLER, 1000) == 1


def test_a_private_address_that_is_refused_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    charging, _ = a_charging()
    with caplog.at_level(logging.WARNING):
        for address in ["203.0.113.7"] * 5 + ["10.0.0.7"] * 6:
            charging.refused(address, UNAUTHENTICATED)

    [record] = caplog.records
    assert "GATEWAY_TRUSTED_PROXIES" in record.message
    assert "10.0.0.7" not in record.message


def test_the_kinds_of_addresses_are_remembered() -> None:
    charging, _ = a_charging()
    seen = [charging.sees_only_private_addresses()]
    for address in ("10.0.0.7", "192.168.1.1", "203.0.114.7"):
        charging.check_address(address)
        seen.append(charging.sees_only_private_addresses())

    assert seen == [False, True, True, False]
    assert all(map(is_private, ("127.0.0.1", "fd00::1", "::ffff:10.0.0.1", "", "unix")))
    assert not is_private("8.8.8.8")


@pytest.fixture
async def strict(database_uri: str) -> AsyncIterator[Gateway]:
    """A gateway that refuses an address after BURST requests without a valid token."""
    async with serving(database_uri, address_refusals_per_second=0.001, address_burst_refusals=BURST) as gateway:
        yield gateway


async def exhaust(gateway: Gateway) -> list[int]:
    """Send requests without a valid token until the address is refused. Returns the statuses of the responses."""
    return [(await gateway.client.post("/graphql", json={"query": ME})).status_code for _ in range(BURST + 1)]


async def test_an_address_with_an_exhausted_budget_is_served_only_with_tokens_that_were_verified_before(strict: Gateway) -> None:
    seen = strict.token()
    before = (await strict.post(ME, token=seen)).status_code

    statuses = await exhaust(strict)
    with_seen, with_new = await strict.post(ME, token=seen), await strict.post(ME, token=strict.token(workspace="other"))
    async with wired(strict, seen) as wire, wired(strict) as other:
        await wire.subscribe("1", ME)
        served = (await wire.hear())["type"]
        await other.send({**INIT, "payload": {"authorization": f"Bearer {strict.token(workspace='third')}"}})
        refused_socket = await other.closed()

    assert (before, statuses) == (200, [401] * BURST + [429])
    assert (with_seen.status_code, with_new.status_code, served, refused_socket) == (200, 429, "next", 1013)
    assert with_new.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert 'gateway_refused_total{reason="address"} 3.0' in (await strict.client.get("/metrics")).text


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_every_request_without_a_valid_token_is_charged_to_the_address(strict: Gateway, accept: str) -> None:
    headers = {"accept": accept}
    first = [
        await strict.client.delete("/graphql"),
        await strict.client.get("/graphql", params={"query": ME}, headers={"accept": "image/png"}),
        await strict.client.post("/graphql", content=b"{", headers=headers),
        await strict.client.post("/graphql", json={"query": ME}, headers={**headers, "authorization": "Bearer x.y.z"}),
        await strict.client.get("/graphql", params={"query": ME}, headers=headers),
    ]

    last = await strict.client.post("/graphql", json={"query": ME}, headers=headers)

    assert [response.status_code for response in first] == [405, 406, 401, 401, 401]
    assert last.status_code == 429


@pytest.mark.parametrize("frames", [[], ["x"], ['{"type":"connection_init"}'], ['{"type":"ping"}', "x"]], ids=str)
async def test_every_socket_that_ends_without_a_valid_token_is_charged_to_the_address(strict: Gateway, frames: list[str]) -> None:
    for _ in range(BURST):
        async with wired(strict) as wire:
            for frame in frames:
                await wire.say(frame)
            if frames:
                await wire.closed()

    # The gateway charges the address when it notices that the client is gone. Use a new token each time: a request with a token that was verified
    # before is never refused because of its address.
    tokens = (strict.token(workspace=f"company-{number}") for number in range(1000))
    async with asyncio.timeout(GENEROUS_SECONDS):
        while (await strict.post(ME, token=next(tokens))).status_code != 429:
            await asyncio.sleep(0.05)


async def test_clients_behind_a_trusted_proxy_have_budgets_of_their_own(database_uri: str) -> None:
    async with serving(database_uri, address_refusals_per_second=0.001, address_burst_refusals=1, trusted_proxies="127.0.0.1") as gateway:
        addresses = ["203.0.113.7", "203.0.113.8"] * 2
        statuses = [
            (await gateway.client.post("/graphql", json={"query": ME}, headers={"x-forwarded-for": address})).status_code for address in addresses
        ]

    assert statuses == [401, 401, 429, 429]


MALFORMED: dict[str, dict[str, Any]] = {
    "no JSON": {"content": b"{"},
    "another media type": {"content": b"{}", "headers": {"content-type": "text/plain"}},
    "no gzip": {"content": b"x", "headers": {"content-encoding": "gzip"}},
    "too many values": {"content": b"[" + b"0," * 30_000 + b"0]"},
    "no operation": {"json": {}},
}


@pytest.mark.parametrize("request_parts", MALFORMED.values(), ids=MALFORMED)
async def test_a_malformed_request_with_a_valid_token_is_charged_to_the_caller(database_uri: str, request_parts: dict[str, Any]) -> None:
    limits: dict[str, Any] = {"rate_cost_per_second": 0.001, "rate_burst_cost": BURST}
    async with serving(database_uri, address_refusals_per_second=0.001, address_burst_refusals=1, **limits) as gateway:
        headers = {"authorization": f"Bearer {gateway.token()}", "content-type": "application/json", **request_parts.get("headers", {})}
        statuses = [(await gateway.client.post("/graphql", **{**request_parts, "headers": headers})).status_code for _ in range(BURST + 1)]
        other = await gateway.post(ME, token=gateway.token(workspace="other"))

    assert statuses[-1] == 429
    assert set(statuses[:-1]) <= {400, 415, 429}
    assert statuses[0] != 429
    assert other.status_code == 200


async def test_a_request_over_the_rate_is_refused_before_it_is_decompressed(database_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = gzip.compress(orjson.dumps({"query": ME, "x": "x" * 250_000}))
    async with serving(database_uri, rate_cost_per_second=0.001, rate_burst_cost=BURST) as gateway:
        while (await gateway.post(ME)).status_code == 200:
            pass
        monkeypatch.setattr(http, "decoded", lambda *_: pytest.fail("the body was decompressed"))
        headers = {"authorization": f"Bearer {gateway.token()}", "content-type": "application/json", "content-encoding": "gzip"}

        response = await gateway.client.post("/graphql", content=bomb, headers=headers)

    assert len(bomb) < 500
    assert response.status_code == 429


async def test_a_decompressed_body_is_charged_by_its_length(database_uri: str) -> None:
    body = gzip.compress(orjson.dumps({"query": ME, "x": "x" * CHARACTERS_PER_EXTRA_COST * 20}))
    async with serving(database_uri, rate_cost_per_second=0.001, rate_burst_cost=40) as gateway:
        headers = {"authorization": f"Bearer {gateway.token()}", "content-type": "application/json", "content-encoding": "gzip"}

        statuses = [(await gateway.client.post("/graphql", content=body, headers=headers)).status_code for _ in range(3)]

    assert statuses == [200, 200, 429]


async def test_a_url_with_many_parameters_is_refused_without_parsing_it(strict: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = {"authorization": f"Bearer {strict.token()}"}
    few = await strict.client.get(f"/graphql?query={ME}{'&' * (http.MAX_PARAMETERS - 1)}", headers=headers)
    monkeypatch.setattr(http, "parse_qsl", lambda *_, **__: pytest.fail("the URL was parsed"))

    many = await strict.client.get(f"/graphql?query={ME}{'&' * 15_500}", headers=headers)

    assert (few.status_code, many.status_code) == (200, 400)
    assert many.json()["errors"][0]["extensions"]["code"] == "QUERY_TOO_COMPLEX"
