"""Media types and compression, as the client and the gateway agree on them."""

import gzip
from collections.abc import Callable

import brotli
import orjson
import pytest

from gateway.transports.negotiation import weighed
from tests.company import Company
from tests.gateway.transports.test_http import JSON, ME, RESPONSE_JSON, codes, media, posted


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (RESPONSE_JSON, RESPONSE_JSON),
        (f"{RESPONSE_JSON}, {JSON}", RESPONSE_JSON),
        (f"{JSON}, {RESPONSE_JSON}", RESPONSE_JSON),
        (f"{RESPONSE_JSON}, {JSON};q=0.9", RESPONSE_JSON),
        (f"{RESPONSE_JSON};q=0.5, {JSON};q=0.9", JSON),
        (f"{RESPONSE_JSON};charset=utf-8", RESPONSE_JSON),
        (f"text/html, {JSON};q=0.1", JSON),
        ("APPLICATION/JSON", JSON),
        (f"{JSON};q=0, {RESPONSE_JSON}", RESPONSE_JSON),
        ("application/xml, */*;q=0.1", JSON),
    ],
)
async def test_the_form_of_the_answer_is_the_one_that_the_client_likes_best(company: Company, accept: str, answered: str) -> None:
    response = await posted(company, ME, accept=accept)

    assert (response.status_code, media(response)) == (200, answered)
    assert response.json() == {"data": {"me": {"workspaceId": company.workspace}}}


@pytest.mark.parametrize("accept", ["text/html", "application/xml, text/*", f"{JSON};q=0", "*/*;q=0", f"{JSON};q=x", ""])
async def test_a_client_that_takes_neither_form_is_told_which_there_are(company: Company, accept: str) -> None:
    response = await posted(company, ME, accept=accept)

    assert (response.status_code, media(response), codes(response)) == (406, JSON, ["BAD_REQUEST"])


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "br": brotli.compress,
    "GZIP": gzip.compress,
    "identity": bytes,
}


@pytest.mark.parametrize("encoding", PACKED)
async def test_a_compressed_body_is_taken(company: Company, encoding: str) -> None:
    response = await posted(company, PACKED[encoding](ME), content_encoding=encoding)

    assert (response.status_code, response.json()["data"]["me"]["workspaceId"]) == (200, company.workspace)


@pytest.mark.parametrize("encoding", ["deflate", "zstd", "compress", "gzip, br", "gzip, gzip", "*"])
async def test_a_body_in_another_encoding_is_415_with_those_that_there_are(company: Company, encoding: str) -> None:
    response = await posted(company, gzip.compress(ME), content_encoding=encoding)

    assert (response.status_code, response.headers["accept-encoding"], codes(response)) == (415, "br, gzip", ["BAD_REQUEST"])


@pytest.mark.parametrize("encoding", ["gzip", "br"])
@pytest.mark.parametrize("spoilt", [lambda packed: packed[:-3], lambda packed: b"\x00" + packed, lambda packed: b"", lambda packed: ME])
async def test_a_body_that_is_not_what_it_says_is_400(company: Company, encoding: str, spoilt: Callable[[bytes], bytes]) -> None:
    response = await posted(company, spoilt(PACKED[encoding](ME)), content_encoding=encoding)

    assert (response.status_code, codes(response)) == (400, ["BAD_REQUEST"])


@pytest.mark.parametrize("encoding", ["gzip", "br"])
async def test_a_small_body_that_would_become_a_large_one_is_413(company: Company, encoding: str) -> None:
    bomb = PACKED[encoding](ME + b" " * 50_000_000)

    response = await posted(company, bomb, content_encoding=encoding)

    assert len(bomb) < 100_000
    assert (response.status_code, codes(response)) == (413, ["BAD_REQUEST"])


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip", "gzip"),
        ("br", "br"),
        ("gzip, deflate, br", "br"),
        ("br;q=0.2, gzip;q=0.8", "gzip"),
        ("*", "br"),
        ("br;q=0", None),
        ("identity", None),
        ("", None),
    ],
)
async def test_a_long_response_comes_compressed_as_the_client_likes_it(company: Company, accepted: str, encoding: str | None) -> None:
    query = orjson.dumps({"query": "{ reasonCodes { code description } }"})

    response = await posted(company, query, accept_encoding=accepted)

    assert response.headers.get("content-encoding") == encoding
    assert "accept-encoding" in response.headers["vary"]
    assert len(response.json()["data"]["reasonCodes"]) == 41


@pytest.mark.parametrize("header", ["accept", "accept-encoding"])
async def test_of_a_header_that_wishes_without_an_end_the_beginning_counts(company: Company, header: str) -> None:
    assert len(weighed("x," * 15_000)) <= 1000
    assert (await posted(company, ME, **{header.replace("-", "_"): "application/json" + "," * 7000})).status_code == 200


async def test_a_short_response_comes_as_it_is(company: Company) -> None:
    assert "content-encoding" not in (await posted(company, ME, accept_encoding="br, gzip")).headers
