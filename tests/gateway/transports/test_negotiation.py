"""Tests of caching: clients may cache only the catalogue of statuses and reason codes, and only if they request it with GET."""

from typing import Any

import httpx2
import pytest
from graphql import GraphQLObjectType, get_introspection_query, get_named_type, parse

from gateway.operations.preparation import constant
from gateway.operations.rights import rules
from gateway.operations.selections import fragments_of, operations_of
from schema.build import build, executable
from schema.fields import CONSTANT
from schema.rules import ANYONE
from tests.company import Company

STATUSES = "{ statuses { status final } }"
SCHEMA = executable(build())

CACHEABLE = [
    STATUSES,
    "{ reasonCodes { code type description statuses retryAdvice internal } }",
    '{ reasonCode(code: "IDVV_1101") { code } }',
    '{ reasonCode(code: "unknown") { code } }',
    "{ me: statuses { status } __typename }",
    "query($no: Boolean = false) { statuses { status } reasonCodes @include(if: $no) { code } }",
    "{ ...A } fragment A on Query { ... { reasonCodes { code } } ...B } fragment B on Query { statuses { status } }",
]
NOT_CACHEABLE = [
    "{ me { subject } }",
    "{ statuses: me { subject } }",
    "{ statuses { status } me { subject } }",
    "{ statuses { status } ... { ...A } } fragment A on Query { b: me { subject } }",
    "query($no: Boolean = false) { statuses { status } me @include(if: $no) { subject } }",
    "{ statuses { status } verifications { totalCount } }",
    '{ reasonCodes { code } verification(id: "x") { id } }',
    '{ node(id: "x") { id } }',
    "{ verificationStats { byReason { reason { code } } } }",
    "{ __typename }",
    "{ statuses { status } __schema { queryType { name } } }",
    get_introspection_query(),
]


async def got(company: Company, query: str, token: str | None = None, **headers: str) -> httpx2.Response:
    """Send a query in the URL of a GET request. `headers`: more headers, with `_` instead of `-` in their names. Returns the response."""
    bearer = {"authorization": f"Bearer {token or company.token()}", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return await company.gateway.client.get("/graphql", params={"query": query}, headers=bearer)


@pytest.mark.parametrize("query", CACHEABLE)
async def test_the_catalogue_may_be_cached_and_is_not_sent_again_if_it_is_unchanged(company: Company, stranger: Company, query: str) -> None:
    first, other = await got(company, query), await got(stranger, query)
    again = await got(company, query, if_none_match=first.headers["etag"])

    assert (first.status_code, first.headers["cache-control"]) == (200, "private, max-age=300")
    assert "errors" not in first.json()
    assert (other.content, other.headers["etag"]) == (first.content, first.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
    assert [again.headers[name] for name in ("etag", "cache-control", "vary")] == [first.headers[name] for name in ("etag", "cache-control", "vary")]


@pytest.mark.parametrize("query", NOT_CACHEABLE)
async def test_other_queries_may_not_be_cached(company: Company, query: str) -> None:
    response = await got(company, query, if_none_match="*")

    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
    assert "etag" not in response.headers


async def test_responses_to_post_and_event_streams_may_not_be_cached(company: Company) -> None:
    posted = await company.gateway.post(STATUSES, token=company.token(), if_none_match="*")
    streamed = await got(company, STATUSES, accept="text/event-stream", if_none_match="*")

    for response in (posted, streamed):
        assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
        assert "etag" not in response.headers


async def test_a_response_with_errors_may_not_be_cached(company: Company) -> None:
    for query in ("{ statuses { nothing } }", "query($type: ReasonType!) { reasonCodes(type: $type) { code } }"):
        response = await got(company, query, if_none_match="*")

        assert "errors" in response.json()
        assert response.headers["cache-control"] == "no-store"


async def test_a_client_without_a_token_does_not_learn_that_its_cached_response_is_current(company: Company) -> None:
    response = await got(company, STATUSES, token="none", if_none_match="*")

    assert (response.status_code, response.headers["cache-control"]) == (401, "no-store")


@pytest.mark.parametrize("named", ["{}", '"x", {}', '{}, W/"x"', "*", "strong"])
async def test_if_none_match_may_list_several_tags(company: Company, named: str) -> None:
    tag = (await got(company, STATUSES)).headers["etag"]
    if_none_match = tag.removeprefix("W/") if named == "strong" else named.format(tag)

    assert (await got(company, STATUSES, if_none_match=if_none_match)).status_code == 304
    assert (await got(company, STATUSES, if_none_match='W/"x", "y"')).status_code == 200


async def test_the_compressed_and_the_plain_response_have_the_same_tag(company: Company) -> None:
    query = "{ reasonCodes { code description } }"
    plain, packed = await got(company, query, accept_encoding=""), await got(company, query, accept_encoding="br")

    assert packed.headers["content-encoding"] == "br"
    assert packed.headers["etag"] == plain.headers["etag"]
    assert (await got(company, query, accept_encoding="gzip", if_none_match=packed.headers["etag"])).status_code == 304


def test_only_the_catalogue_is_declared_to_be_constant() -> None:
    declared = {
        f"{type.name}.{name}"
        for type in SCHEMA.type_map.values()
        if isinstance(type, GraphQLObjectType) and not type.name.startswith("__")
        for name, field in type.fields.items()
        if metadata(field).get(CONSTANT)
    }

    assert declared == {"Query.statuses", "Query.reasonCodes", "Query.reasonCode"}


def test_no_field_below_the_catalogue_depends_on_the_caller() -> None:
    query = SCHEMA.query_type
    assert query
    waiting = [get_named_type(field.type) for field in query.fields.values() if metadata(field).get(CONSTANT)]
    seen = set()
    while waiting:
        type = waiting.pop()
        if isinstance(type, GraphQLObjectType) and type.name not in seen:
            seen.add(type.name)
            assert [name for name, field in type.fields.items() if set(rules(field)) - {ANYONE}] == []
            waiting += [get_named_type(field.type) for field in type.fields.values()]

    assert seen == {"ReasonCode", "StatusGuide"}


@pytest.mark.parametrize(
    "document", ["mutation { statuses { status } }", "subscription { statuses { status } }", "{ nothing { status } }", "{ statuses @x ...Missing }"]
)
def test_only_queries_of_constant_fields_are_constant(document: str) -> None:
    parsed = parse(document)
    [operation] = operations_of(parsed)

    assert constant(SCHEMA, operation, fragments_of(parsed)) is ("Missing" in document)


def metadata(field: Any) -> dict[str, Any]:
    """The metadata that the schema declares for a field."""
    declared: dict[str, Any] = field.extensions["strawberry-definition"].metadata
    return declared
