"""What clients may keep: the catalogue, asked for by an address. Nothing else."""

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

KEPT = [
    STATUSES,
    "{ reasonCodes { code type description statuses retryAdvice internal } }",
    '{ reasonCode(code: "IDVV_1101") { code } }',
    '{ reasonCode(code: "unknown") { code } }',
    "{ me: statuses { status } __typename }",
    "query($no: Boolean = false) { statuses { status } reasonCodes @include(if: $no) { code } }",
    "{ ...A } fragment A on Query { ... { reasonCodes { code } } ...B } fragment B on Query { statuses { status } }",
]
NOT_KEPT = [
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
    """The response to a query by its address."""
    bearer = {"authorization": f"Bearer {token or company.token()}", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return await company.gateway.client.get("/graphql", params={"query": query}, headers=bearer)


@pytest.mark.parametrize("query", KEPT)
async def test_the_catalogue_may_be_kept_and_is_not_told_again(company: Company, stranger: Company, query: str) -> None:
    first, other = await got(company, query), await got(stranger, query)
    again = await got(company, query, if_none_match=first.headers["etag"])

    assert (first.status_code, first.headers["cache-control"]) == (200, "private, max-age=300")
    assert "errors" not in first.json()
    assert (other.content, other.headers["etag"]) == (first.content, first.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
    assert [again.headers[name] for name in ("etag", "cache-control", "vary")] == [first.headers[name] for name in ("etag", "cache-control", "vary")]


@pytest.mark.parametrize("query", NOT_KEPT)
async def test_nothing_else_may_be_kept(company: Company, query: str) -> None:
    response = await got(company, query, if_none_match="*")

    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
    assert "etag" not in response.headers


async def test_nothing_may_be_kept_of_post_and_event_streams(company: Company) -> None:
    posted = await company.gateway.post(STATUSES, token=company.token(), if_none_match="*")
    streamed = await got(company, STATUSES, accept="text/event-stream", if_none_match="*")

    for response in (posted, streamed):
        assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
        assert "etag" not in response.headers


async def test_an_answer_with_errors_may_not_be_kept(company: Company) -> None:
    for query in ("{ statuses { nothing } }", "query($type: ReasonType!) { reasonCodes(type: $type) { code } }"):
        response = await got(company, query, if_none_match="*")

        assert "errors" in response.json()
        assert response.headers["cache-control"] == "no-store"


async def test_who_has_no_token_is_not_told_that_nothing_changed(company: Company) -> None:
    response = await got(company, STATUSES, token="none", if_none_match="*")

    assert (response.status_code, response.headers["cache-control"]) == (401, "no-store")


@pytest.mark.parametrize("named", ["{}", '"x", {}', '{}, W/"x"', "*", "strong"])
async def test_the_tag_may_be_one_of_several(company: Company, named: str) -> None:
    tag = (await got(company, STATUSES)).headers["etag"]
    told = tag.removeprefix("W/") if named == "strong" else named.format(tag)

    assert (await got(company, STATUSES, if_none_match=told)).status_code == 304
    assert (await got(company, STATUSES, if_none_match='W/"x", "y"')).status_code == 200


async def test_compressed_or_not_it_is_the_same_answer(company: Company) -> None:
    query = "{ reasonCodes { code description } }"
    plain, packed = await got(company, query, accept_encoding=""), await got(company, query, accept_encoding="br")

    assert packed.headers["content-encoding"] == "br"
    assert packed.headers["etag"] == plain.headers["etag"]
    assert (await got(company, query, accept_encoding="gzip", if_none_match=packed.headers["etag"])).status_code == 304


def test_the_catalogue_is_all_that_is_declared_to_be_constant() -> None:
    declared = {
        f"{type.name}.{name}"
        for type in SCHEMA.type_map.values()
        if isinstance(type, GraphQLObjectType) and not type.name.startswith("__")
        for name, field in type.fields.items()
        if metadata(field).get(CONSTANT)
    }

    assert declared == {"Query.statuses", "Query.reasonCodes", "Query.reasonCode"}


def test_nothing_below_the_catalogue_depends_on_who_asks() -> None:
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
def test_only_queries_are_constant_whatever_their_fields_are_called(document: str) -> None:
    parsed = parse(document)
    [operation] = operations_of(parsed)

    assert constant(SCHEMA, operation, fragments_of(parsed)) is ("Missing" in document)


def metadata(field: Any) -> dict[str, Any]:
    """What was declared at a field."""
    declared: dict[str, Any] = field.extensions["strawberry-definition"].metadata
    return declared
