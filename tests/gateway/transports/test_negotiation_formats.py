"""Tests of the media type and the compression of requests and responses."""

import gzip
from collections.abc import Callable

import brotli
import httpx2
import orjson
import pytest

from gateway.transports.negotiation import MAX_GZIP_MEMBERS, weighed
from tests.company import Company
from tests.gateway.transports.test_http import JSON, ME, RESPONSE_JSON, codes, media, posted


@pytest.mark.parametrize(
    ("accept", "preferred"),
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
        ("", JSON),
        (", ,", JSON),
        (f", {RESPONSE_JSON}", RESPONSE_JSON),
    ],
)
async def test_the_response_has_the_media_type_that_the_client_prefers(company: Company, accept: str, preferred: str) -> None:
    response = await posted(company, ME, accept=accept)

    assert (response.status_code, media(response)) == (200, preferred)
    assert response.json() == {"data": {"me": {"workspaceId": company.workspace}}}


@pytest.mark.parametrize("accept", ["text/html", "application/xml, text/*", f"{JSON};q=0", "*/*;q=0", f"{JSON};q=x"])
async def test_a_client_that_accepts_neither_media_type_receives_406(company: Company, accept: str) -> None:
    response = await posted(company, ME, accept=accept)

    assert (response.status_code, media(response), codes(response)) == (406, JSON, ["BAD_REQUEST"])


COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "br": brotli.compress,
    "GZIP": gzip.compress,
    "identity": bytes,
    "": bytes,
    ", gzip,": gzip.compress,
    "identity, br": brotli.compress,
}


@pytest.mark.parametrize("encoding", COMPRESSORS)
async def test_a_compressed_body_is_accepted(company: Company, encoding: str) -> None:
    response = await posted(company, COMPRESSORS[encoding](ME), content_encoding=encoding)

    assert (response.status_code, response.json()["data"]["me"]["workspaceId"]) == (200, company.workspace)


@pytest.mark.parametrize("encoding", ["deflate", "zstd", "compress", "gzip, br", "gzip, gzip", "*"])
async def test_a_body_in_another_encoding_is_refused_with_415_and_the_response_names_the_supported_ones(company: Company, encoding: str) -> None:
    response = await posted(company, gzip.compress(ME), content_encoding=encoding)

    assert (response.status_code, response.headers["accept-encoding"], codes(response)) == (415, "br, gzip", ["BAD_REQUEST"])


@pytest.mark.parametrize("encoding", ["gzip", "br"])
@pytest.mark.parametrize("spoilt", [lambda body: body[:-3], lambda body: b"\x00" + body, lambda body: b"", lambda body: ME])
async def test_a_body_that_is_not_in_its_declared_encoding_is_refused_with_400(
    company: Company, encoding: str, spoilt: Callable[[bytes], bytes]
) -> None:
    response = await posted(company, spoilt(COMPRESSORS[encoding](ME)), content_encoding=encoding)

    assert (response.status_code, codes(response)) == (400, ["BAD_REQUEST"])


MEMBERS = {
    "two members": gzip.compress(ME[:9]) + gzip.compress(ME[9:]),
    "an empty member first": gzip.compress(b"") + gzip.compress(ME),
    "an empty member last": gzip.compress(ME) + gzip.compress(b""),
    "as many members as are allowed": b"".join(gzip.compress(ME[at : at + 1]) for at in range(MAX_GZIP_MEMBERS - 1))
    + gzip.compress(ME[MAX_GZIP_MEMBERS - 1 :]),
}


@pytest.mark.parametrize("members", MEMBERS)
async def test_a_body_in_gzip_may_have_several_members(company: Company, members: str) -> None:
    response = await posted(company, MEMBERS[members], content_encoding="gzip")

    assert (response.status_code, response.json()) == (200, {"data": {"me": {"workspaceId": company.workspace}}})


GARBAGE = {
    "a byte": gzip.compress(ME) + b"x",
    "a zero": gzip.compress(ME) + b"\0",
    "the beginning of a member": gzip.compress(ME) + gzip.compress(b"")[:9],
    "a member whose end is missing": gzip.compress(ME) + gzip.compress(b" ")[:-1],
    "a member with a wrong checksum": gzip.compress(ME) + gzip.compress(b" ")[:-8] + b"\0" * 8,
    "JSON": gzip.compress(ME) + ME,
    "too many members": gzip.compress(ME) + gzip.compress(b"") * MAX_GZIP_MEMBERS,
}


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_a_body_in_gzip_with_garbage_after_a_member_is_refused(company: Company, garbage: str) -> None:
    response = await posted(company, GARBAGE[garbage], content_encoding="gzip")

    assert (response.status_code, codes(response)) == (400, ["BAD_REQUEST"])


async def test_a_body_in_brotli_with_garbage_after_its_end_is_refused(company: Company) -> None:
    for garbage in (b"x", b"\0", brotli.compress(ME)):
        response = await posted(company, brotli.compress(ME) + garbage, content_encoding="br")

        assert (response.status_code, codes(response)) == (400, ["BAD_REQUEST"])


async def test_members_that_are_too_long_together_are_refused_with_413(company: Company) -> None:
    response = await posted(company, gzip.compress(ME) + gzip.compress(b" " * 200_000) * 2, content_encoding="gzip")

    assert (response.status_code, codes(response)) == (413, ["BAD_REQUEST"])


@pytest.mark.parametrize("encoding", ["gzip", "br"])
async def test_a_body_that_becomes_too_long_when_it_is_decompressed_is_refused_with_413(company: Company, encoding: str) -> None:
    bomb = COMPRESSORS[encoding](ME + b" " * 50_000_000)

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
async def test_a_long_response_is_compressed_as_the_client_prefers(company: Company, accepted: str, encoding: str | None) -> None:
    query = orjson.dumps({"query": "{ reasonCodes { code description } }"})

    response = await posted(company, query, accept_encoding=accepted)

    assert response.headers.get("content-encoding") == encoding
    assert "accept-encoding" in response.headers["vary"]
    assert len(response.json()["data"]["reasonCodes"]) == 41


@pytest.mark.parametrize("header", ["accept", "accept-encoding"])
async def test_only_the_beginning_of_a_very_long_accept_header_is_parsed(company: Company, header: str) -> None:
    assert len(weighed("x," * 15_000)) <= 1000
    assert (await posted(company, ME, **{header.replace("-", "_"): "application/json" + "," * 7000})).status_code == 200


LISTS: list[tuple[str, list[str], Callable[[httpx2.Response], bool]]] = [
    ("accept", ["text/html", RESPONSE_JSON], lambda response: media(response) == RESPONSE_JSON),
    ("accept", [RESPONSE_JSON, "text/html"], lambda response: media(response) == RESPONSE_JSON),
    ("accept", [f"{JSON};q=0.5", "", f"{RESPONSE_JSON};q=0.9"], lambda response: media(response) == RESPONSE_JSON),
    ("accept", ["text/html", "text/event-stream"], lambda response: response.headers["content-type"].startswith("text/event-stream")),
    ("accept-encoding", ["deflate", "br"], lambda response: response.headers["content-encoding"] == "br"),
    ("accept-encoding", ["gzip;q=0.1", "br;q=0.01"], lambda response: response.headers["content-encoding"] == "gzip"),
    ("if-none-match", ['"x"', "*"], lambda response: response.status_code == 304),
    ("if-none-match", ["*", '"x"'], lambda response: response.status_code == 304),
    # The lines of `Authorization` are not joined, because the value of this header is no list. A request with several of them is refused.
    ("authorization", ["Bearer x"], lambda response: response.status_code == 400),
]


@pytest.mark.parametrize(("name", "values", "holds"), LISTS)
async def test_the_lines_of_a_list_are_read_as_one_list(
    company: Company, name: str, values: list[str], holds: Callable[[httpx2.Response], bool]
) -> None:
    headers = [("authorization", f"Bearer {company.token()}"), *((name, value) for value in values)]

    response = await company.gateway.client.get("/graphql", params={"query": "{ reasonCodes { code description } }"}, headers=headers)

    assert holds(response), (response.status_code, response.headers)


@pytest.mark.parametrize(
    ("name", "values", "status"),
    [
        ("content-encoding", ["identity", "gzip"], 200),
        ("content-encoding", ["", "gzip"], 200),
        ("content-encoding", ["gzip", "gzip"], 415),
        ("content-type", [JSON, JSON], 415),
        ("content-type", [JSON, "text/plain"], 415),
    ],
)
async def test_the_lines_of_a_header_of_a_body_are_read_together(company: Company, name: str, values: list[str], status: int) -> None:
    own = {"authorization": f"Bearer {company.token()}", "content-encoding": "gzip", "content-type": JSON}
    headers = [*((key, value) for key, value in own.items() if key != name), *((name, value) for value in values)]

    response = await company.gateway.client.post("/graphql", content=gzip.compress(ME), headers=headers)

    assert response.status_code == status


async def test_a_short_response_is_not_compressed(company: Company) -> None:
    assert "content-encoding" not in (await posted(company, ME, accept_encoding="br, gzip")).headers
