"""Tests of the ids of requests, and of how headers and client addresses are read."""

import pytest
from starlette.requests import HTTPConnection
from starlette.types import Scope

from gateway.transports.requests import HEADERS_BY_NAME, client_address, header_values, headers, joined
from tests.company import Company
from tests.gateway.transports.test_http import ME, posted


@pytest.mark.parametrize("id", ["abcdefgh", "a.b_c-1234", "x" * 64])
async def test_a_safe_id_that_the_client_sent_is_kept(company: Company, id: str) -> None:
    assert (await posted(company, ME, x_request_id=id)).headers["x-request-id"] == id


async def test_a_request_without_an_id_gets_one(company: Company) -> None:
    assert len((await posted(company, ME)).headers["x-request-id"]) == 32


@pytest.mark.parametrize("id", ["short", "x" * 65, "with space", "<script>", "a;b=cdefgh"])
async def test_an_id_that_is_not_safe_to_log_is_replaced(company: Company, id: str) -> None:
    assert (await posted(company, ME, x_request_id=id)).headers["x-request-id"] != id


REPEATED = [(b"accept", b"first"), (b"host", b"a"), (b"accept", b"second")]


def test_headers_joins_the_values_of_a_repeated_header_and_values_returns_all() -> None:
    scope: Scope = {"type": "http", "headers": REPEATED}

    assert headers(scope) == {b"accept": b"first, second", b"host": b"a"}
    assert joined(REPEATED) == [(b"accept", b"first, second"), (b"host", b"a")]
    assert joined(REPEATED[:2]) == REPEATED[:2]
    assert header_values(scope, b"accept") == [b"first", b"second"]
    assert header_values(scope, b"origin") == []


@pytest.mark.parametrize(("type", "cached"), [("http", True), ("websocket", False)])
def test_headers_by_name_are_cached_for_requests_and_not_for_sockets(type: str, cached: bool) -> None:
    scope: Scope = {"type": type, "headers": REPEATED}

    headers(scope)

    assert (HEADERS_BY_NAME in scope) is cached


@pytest.mark.parametrize(("client", "address"), [(("203.0.113.7", 1), "203.0.113.7"), (None, "")])
def test_the_address_of_a_client_is_the_other_end_of_its_connection(client: tuple[str, int] | None, address: str) -> None:
    assert client_address(HTTPConnection({"type": "http", "headers": [], "client": client})) == address
