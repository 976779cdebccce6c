"""Tests of GraphQL over HTTP: which requests are refused, with which status, and in which media type the response is."""

import gzip
import logging
from typing import Any

import httpx2
import orjson
import pytest

from gateway.transports.http import MAX_BODY_BYTES
from tests.company import Company

JSON, RESPONSE_JSON = "application/json", "application/graphql-response+json"
ME = orjson.dumps({"query": "{ me { workspaceId } }"})
WRONG_INSTANT = {"query": "query($at: DateTime) { verifications(filter: { createdAfter: $at }) { totalCount } }", "variables": {"at": "now"}}


async def posted(company: Company, content: bytes, **headers: str) -> httpx2.Response:
    """Send a POST request with this body. `headers` override the default headers, with `_` instead of `-` in their names. Returns the response."""
    defaults = {"authorization": f"Bearer {company.token()}", "content-type": JSON}
    overrides = {name.replace("_", "-"): value for name, value in headers.items()}
    return await company.gateway.client.post("/graphql", content=content, headers={**defaults, **overrides})


async def got(company: Company, **parameters: str) -> httpx2.Response:
    """Send a GET request with these parameters in its URL. Returns the response."""
    return await company.gateway.client.get("/graphql", params=parameters, headers={"authorization": f"Bearer {company.token()}"})


def media(response: httpx2.Response) -> str:
    """The media type of a response. Also checks that the response is in UTF-8."""
    media, _, charset = response.headers["content-type"].partition("; ")
    assert charset == "charset=utf-8"
    return str(media)


def codes(response: httpx2.Response) -> list[str]:
    """The codes of the errors in a response. Also checks that the response has no data, and that every error has a message."""
    content = response.json()
    assert list(content) == ["errors"]
    assert all(error["message"] for error in content["errors"])
    return [error["extensions"]["code"] for error in content["errors"]]


BODIES = {
    "a text": b'"x"',
    "a number": b"1",
    "null": b"null",
    "a list": b"[]",
    "a list of operations": b"[" + ME + b"]",
    "nothing": b"",
    "no JSON": b"query { me { subject } }",
    "half of an object": b'{"query": "{',
    "invalid UTF-8": b'{"query": "\xff\xfe"}',
    "UTF-16": ME.decode().encode("utf-16"),
    "not a number": b'{"query": "{ me { subject } }", "variables": {"a": NaN}}',
    "no query": b"{}",
    "a query that is null": b'{"query": null}',
    "a query that is a list": b'{"query": ["{ me { subject } }"]}',
    "variables in a list": b'{"query": "{ me { subject } }", "variables": []}',
    "variables in a text": b'{"query": "{ me { subject } }", "variables": "{}"}',
    "an operationName that is a number": b'{"query": "{ me { subject } }", "operationName": 1}',
    "extensions in a list": b'{"query": "{ me { subject } }", "extensions": []}',
    "an operationName that names nothing": b'{"query": "query A { me { subject } }", "operationName": "B"}',
    "several operations and no name": b'{"query": "query A { me { subject } } query B { me { subject } }"}',
    "a subscription": b'{"query": "subscription { verificationsUpdated { cursor } }"}',
}


@pytest.mark.parametrize("accepted", [JSON, RESPONSE_JSON])
async def test_a_body_that_is_not_a_graphql_request_is_a_bad_request(company: Company, accepted: str) -> None:
    for what, content in BODIES.items():
        response = await posted(company, content, accept=accepted)

        assert (response.status_code, media(response), codes(response)) == (400, accepted, ["BAD_REQUEST"]), what


DEEP = {
    "a list that is 20,000 deep": b"[" * 20_000 + b"]" * 20_000,
    "an object that is 20,000 deep": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "variables that are 20,000 deep": b'{"query": "{ me { subject } }", "variables": {"a": ' + b"[" * 20_000 + b"]" * 20_000 + b"}}",
}


@pytest.mark.parametrize(("accepted", "status"), [(JSON, 200), (RESPONSE_JSON, 400)])
async def test_a_body_that_is_nested_too_deeply_is_an_error_of_the_operation(company: Company, accepted: str, status: int) -> None:
    for what, content in DEEP.items():
        response = await posted(company, content, accept=accepted)

        assert (response.status_code, media(response), codes(response)) == (status, accepted, ["BAD_USER_INPUT"]), what


DOCUMENTS = {
    "": "GRAPHQL_PARSE_FAILED",
    "{": "GRAPHQL_PARSE_FAILED",
    "{ me { subject } } }": "GRAPHQL_PARSE_FAILED",
    '{ reasonCode(code: "\\uD800") { code } }': "GRAPHQL_PARSE_FAILED",
    "{" + "me {" * 600 + "}" * 601: "GRAPHQL_PARSE_FAILED",
    "{ reasonCode(code: " + "[" * 900 + "]" * 900 + ") { code } }": "GRAPHQL_PARSE_FAILED",
    "query($a: " + "[" * 900 + "Int" + "]" * 900 + ") { me { subject } }": "GRAPHQL_PARSE_FAILED",
    "{ nothing }": "GRAPHQL_VALIDATION_FAILED",
    "{ me }": "GRAPHQL_VALIDATION_FAILED",
    "{ me { subject { length } } }": "GRAPHQL_VALIDATION_FAILED",
    "{ verification { id } }": "GRAPHQL_VALIDATION_FAILED",
    "{ verification(id: $id) { id } }": "GRAPHQL_VALIDATION_FAILED",
    "{ verifications(first: 4294967296) { totalCount } }": "GRAPHQL_VALIDATION_FAILED",
    "{ verifications(orderBy: NEWEST) { totalCount } }": "GRAPHQL_VALIDATION_FAILED",
    "query($input: CreateVerificationInput!) { me { subject } }": "GRAPHQL_VALIDATION_FAILED",
    "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }": "GRAPHQL_VALIDATION_FAILED",
    "fragment A on Query { me { subject } }": "GRAPHQL_VALIDATION_FAILED",
    "type Query { id: ID }": "GRAPHQL_VALIDATION_FAILED",
    "subscription { a: verificationsUpdated { cursor } b: verificationsUpdated { cursor } }": "GRAPHQL_VALIDATION_FAILED",
    '{ verifications(filter: { createdAfter: "2026-01-31T12:00:00" }) { totalCount } }': "BAD_USER_INPUT",
}


async def test_a_document_that_cannot_be_executed_gets_400_in_the_newer_media_type_and_200_in_the_older(company: Company) -> None:
    for document, code in DOCUMENTS.items():
        content = orjson.dumps({"query": document})
        newer, older = await posted(company, content, accept=RESPONSE_JSON), await posted(company, content, accept=JSON)

        assert (newer.status_code, media(newer), {*codes(newer)}) == (400, RESPONSE_JSON, {code}), document[:80]
        assert (older.status_code, media(older), {*codes(older)}) == (200, JSON, {code}), document[:80]


async def test_variables_of_wrong_types_get_400_in_the_newer_media_type_and_200_in_the_older(company: Company) -> None:
    content = orjson.dumps(WRONG_INSTANT)

    newer, older = await posted(company, content, accept=RESPONSE_JSON), await posted(company, content, accept=JSON)

    assert (newer.status_code, media(newer), codes(newer)) == (400, RESPONSE_JSON, ["BAD_USER_INPUT"])
    assert (older.status_code, media(older), codes(older)) == (200, JSON, ["BAD_USER_INPUT"])


async def test_mistakes_of_clients_are_not_logged(company: Company, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        for content in (
            *BODIES.values(),
            *DEEP.values(),
            orjson.dumps(WRONG_INSTANT),
            *(orjson.dumps({"query": document}) for document in DOCUMENTS),
        ):
            await posted(company, content)

    assert [record for record in caplog.records if record.name.startswith("gateway")] == []


@pytest.mark.parametrize("accepted", [JSON, RESPONSE_JSON])
async def test_errors_of_fields_are_part_of_a_successful_response(company: Company, accepted: str) -> None:
    response = await posted(company, orjson.dumps({"query": "{ verifications(first: 0) { totalCount } }"}), accept=accepted)

    assert (response.status_code, media(response)) == (200, accepted)
    assert response.json()["data"] is None
    assert response.json()["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "",
        f"{JSON}, {JSON}",
        f"{JSON}; charset=latin-1",
        f"{JSON}; charset=utf-16",
        f"{JSON}; charset=utf-8; charset=latin-1",
        f"{JSON}; charset=latin-1; note=utf-8",
    ],
)
async def test_a_body_of_another_media_type_is_refused_with_415(company: Company, content_type: str) -> None:
    response = await posted(company, ME, content_type=content_type)

    assert (response.status_code, media(response), codes(response)) == (415, JSON, ["BAD_REQUEST"])


@pytest.mark.parametrize(
    "content_type",
    [
        JSON,
        f"{JSON}; charset=utf-8",
        f'{JSON};charset="UTF-8"',
        "Application/JSON",
        f"{JSON}; charset=utf8",
        f"{JSON} ; Charset = UTF8",
        f'{JSON};charset="utf8"; q=1',
        f"{JSON};",
        f"{JSON}; profile=charset",
    ],
)
async def test_a_body_in_json_is_accepted_in_every_spelling_of_its_media_type(company: Company, content_type: str) -> None:
    assert (await posted(company, ME, content_type=content_type)).status_code == 200


async def test_a_body_with_too_many_values_is_refused_without_parsing(company: Company) -> None:
    many = orjson.dumps({"query": "{ me { workspaceId } }", "variables": {"a": [[]] * 25_000}})

    for response in (await posted(company, many), await posted(company, gzip.compress(many), content_encoding="gzip")):
        assert (response.status_code, codes(response)) == (400, ["QUERY_TOO_COMPLEX"])


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_that_is_too_long_is_refused_with_413_whether_or_not_its_length_is_declared(company: Company, chunked: bool) -> None:
    async def chunks() -> Any:
        for _ in range(20):
            yield b" " * (MAX_BODY_BYTES // 16)

    headers = {"authorization": f"Bearer {company.token()}", "content-type": JSON}
    content = chunks() if chunked else b" " * (MAX_BODY_BYTES + 1)

    response = await company.gateway.client.post("/graphql", content=content, headers=headers)

    assert (response.status_code, codes(response)) == (413, ["BAD_REQUEST"])


async def test_a_body_of_the_maximum_length_is_read(company: Company) -> None:
    assert (await posted(company, ME.ljust(MAX_BODY_BYTES))).status_code == 200


async def test_a_query_may_be_sent_in_the_url(company: Company) -> None:
    plain = await got(company, query="{ me { workspaceId } }")
    named = await got(company, query="query A { me { subject } } query B { me { workspaceId } }", operationName="B")
    filled = await got(company, query="query($first: Int) { verifications(first: $first) { totalCount } }", variables='{"first": 1}')

    assert plain.json() == named.json() == {"data": {"me": {"workspaceId": company.workspace}}}
    assert filled.json() == {"data": {"verifications": {"totalCount": 0}}}


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"query": "{ me { subject } }", "variables": "x"},
        {"query": "{ me { subject } }", "variables": "[]"},
        {"query": "{ me { subject } }", "extensions": "1"},
        {"query": "{ me { subject } }", "operationName": "A"},
        {"query": "subscription { verificationsUpdated { cursor } }"},
    ],
)
async def test_a_url_that_is_not_a_graphql_request_is_a_bad_request(company: Company, parameters: dict[str, str]) -> None:
    response = await got(company, **parameters)

    assert (response.status_code, media(response), codes(response)) == (400, JSON, ["BAD_REQUEST"])


async def test_a_mutation_in_the_url_is_refused_with_405_and_not_executed(company: Company) -> None:
    mutation = 'mutation { createVerification(input: { firstName: "A", lastName: "B", redirectionUrl: "https://shop.example" }) { __typename } }'

    response = await got(company, query=mutation)
    hidden = await got(company, query=f"query A {{ me {{ subject }} }} {mutation.replace('mutation', 'mutation B', 1)}", operationName="B")

    assert [(each.status_code, each.headers["allow"], codes(each)) for each in (response, hidden)] == [(405, "POST", ["BAD_REQUEST"])] * 2
    assert company.kept() == []


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"])
async def test_other_methods_get_405_and_the_response_names_the_allowed_ones(company: Company, method: str) -> None:
    response = await company.gateway.client.request(method, "/graphql", content=ME, headers={"authorization": f"Bearer {company.token()}"})

    assert (response.status_code, response.headers["allow"], codes(response)) == (405, "GET, HEAD, POST", ["BAD_REQUEST"])


@pytest.mark.parametrize("accepted", [JSON, RESPONSE_JSON, f"text/event-stream, {JSON}"])
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("{ me { workspaceId } }", 200),
        ("{ reasonCodes { code description } }", 200),
        ("{ verifications(first: 0) { totalCount } }", 200),
        ("{ me", None),
        ("mutation { retryVerification(input: { verificationId: 1 }) { __typename } }", 405),
        ("", None),
    ],
)
async def test_head_gets_the_headers_of_get_without_the_body(company: Company, query: str, status: int | None, accepted: str) -> None:
    headers = {"authorization": f"Bearer {company.token()}", "accept": accepted, "x-request-id": "the-same-id"}

    got = await company.gateway.client.get("/graphql", params={"query": query}, headers=headers)
    head = await company.gateway.client.head("/graphql", params={"query": query}, headers=headers)

    assert (head.status_code, head.content) == (got.status_code, b"")
    assert status in (None, head.status_code)
    assert {**head.headers, "date": ""} == {**got.headers, "date": ""}


async def test_head_checks_whether_a_cached_response_is_current(company: Company) -> None:
    headers = {"authorization": f"Bearer {company.token()}", "if-none-match": "*"}

    head = await company.gateway.client.head("/graphql", params={"query": "{ statuses { status } }"}, headers=headers)

    assert (head.status_code, head.headers["cache-control"]) == (304, "private, max-age=300")


async def test_head_without_a_token_is_refused(company: Company) -> None:
    head = await company.gateway.client.head("/graphql", params={"query": "{ me { subject } }"})

    assert (head.status_code, head.headers["www-authenticate"], head.content) == (401, "Bearer", b"")


@pytest.mark.parametrize("accepted", [JSON, "text/event-stream"])
@pytest.mark.parametrize("name", ["variables", "extensions", "operationName", "documentId", "doc_id", "unused"])
async def test_an_empty_parameter_of_a_url_is_treated_as_absent(company: Company, name: str, accepted: str) -> None:
    headers = {"authorization": f"Bearer {company.token()}", "accept": accepted}
    parameters = {"query": "query A { me { workspaceId } }", name: ""}

    response = await company.gateway.client.get("/graphql", params=parameters, headers=headers)

    assert (response.status_code, f'{{"workspaceId":"{company.workspace}"}}' in response.text) == (200, True), response.text


async def test_an_empty_query_is_still_a_document_with_an_error(company: Company) -> None:
    response = await got(company, query="", variables="", extensions="", operationName="")

    assert codes(response) == ["GRAPHQL_PARSE_FAILED"]


@pytest.mark.parametrize("encoding", ["", "gzip"])
async def test_a_byte_order_mark_before_json_is_ignored(company: Company, encoding: str) -> None:
    content = b"\xef\xbb\xbf" + ME
    in_url = await got(company, query="query($first: Int) { verifications(first: $first) { totalCount } }", variables='\ufeff{"first": 1}')

    response = await posted(company, gzip.compress(content) if encoding else content, content_encoding=encoding)

    assert (response.status_code, response.json()) == (200, {"data": {"me": {"workspaceId": company.workspace}}})
    assert in_url.json() == {"data": {"verifications": {"totalCount": 0}}}


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf" * 2 + ME, b"\xef\xbb\xbf", b"\xef\xbb" + ME, b"\xff\xfe" + ME, ME + b"\xef\xbb\xbf"])
async def test_other_bytes_before_or_after_json_are_refused(company: Company, content: bytes) -> None:
    response = await posted(company, content)

    assert (response.status_code, codes(response)) == (400, ["BAD_REQUEST"])
