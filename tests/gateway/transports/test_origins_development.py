"""Tests of a gateway on a developer's machine. It refuses requests for other host names, and requests from pages of other machines."""

from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from gateway.transports.origins import host_name
from tests.gateway.refusals import refused
from tests.gateway.transports.test_origins import bearer, send
from tests.serving import Gateway, serving
from tests.wire import PROTOCOL


@pytest.fixture
async def local_gateway(shared_database_uri: str) -> AsyncIterator[Gateway]:
    """A gateway as it runs on a developer's machine: with the hook `Hosts`."""
    async with serving(shared_database_uri, local=True, host="dev.example", public_url="http://public.example:8000") as running:
        yield running


def own_names(gateway: Gateway) -> list[str]:
    """Values of the header `Host` that the gateway accepts."""
    port = gateway.url.rpartition(":")[2]
    return ["localhost", f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}", "192.168.1.5", "dev.example:1", "DEV.example", "public.example"]


async def test_requests_for_other_host_names_are_refused(local_gateway: Gateway) -> None:
    for host in own_names(local_gateway):
        assert (await send(local_gateway, "GET", "/livez", host=host)).status_code == 200, host
    for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "evil.example:8000", "", "xn--localhost"):
        assert (await send(local_gateway, "GET", "/livez", host=host)).status_code == 400, host
        assert (await send(local_gateway, host=host, **bearer(local_gateway))).status_code == 400, host
    assert await refused(local_gateway, "host") == 12


async def test_a_socket_for_another_host_name_is_refused(local_gateway: Gateway) -> None:
    port = int(local_gateway.url.rpartition(":")[2])
    with pytest.raises(InvalidStatus) as refusal:
        async with connect("ws://evil.example/graphql", host="127.0.0.1", port=port, subprotocols=[PROTOCOL]):
            pass

    assert refusal.value.response.status_code == 400


async def test_only_pages_of_the_machine_may_send_requests(local_gateway: Gateway) -> None:
    own = [("http://localhost:5173", ""), ("http://127.0.0.1:3000", ""), ("http://[::1]:3000", ""), ("http://localhost", "")]
    same = [("http://192.168.1.5:8000", "192.168.1.5:8000"), ("http://dev.example", "dev.example"), ("http://public.example:8000", "localhost")]
    foreign = ["https://evil.example", "null", "http://localhost.evil.example", "http://localhost:5173.evil.example", "http://192.168.1.6"]

    for origin, host in own + same:
        response = await send(local_gateway, origin=origin, **bearer(local_gateway), **({"host": host} if host else {}))
        assert (response.status_code, response.headers["access-control-allow-origin"]) == (200, origin)
    for origin in foreign:
        assert (await send(local_gateway, origin=origin, host="192.168.1.5:8000", **bearer(local_gateway))).status_code == 403, origin


@pytest.mark.parametrize(
    ("host", "name"),
    [("a.example", "a.example"), ("A.example:1", "a.example"), ("[::1]:1", "::1"), ("[::1]", "::1"), ("", ""), (":1", ""), ("[", "")],
)
def test_the_port_and_the_brackets_are_no_part_of_a_host_name(host: str, name: str) -> None:
    assert host_name(host) == name
