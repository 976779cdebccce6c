"""Clients try to learn the schema and internal details from errors. The gateway must reveal neither.

Cases S14 and S16 in tests/security/README.md.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    get_introspection_query,
    is_specified_scalar_type,
    specified_directives,
)

from domain.caller import Scope
from tests.commands import Commands
from tests.company import PERSON, Company
from tests.gateway.callers.test_tokens import OPERATIONS, SCHEMA, variables
from tests.processes.forwarder import forwarding
from tests.security.connections import answers
from tests.security.transports import FOR_QUERIES, Response, Transport, codes, request_for, transports_of
from tests.serving import Gateway, serving


@pytest.fixture(scope="module")
async def silent(shared_database_uri: str, commands: Commands) -> AsyncIterator[Gateway]:
    """A gateway without introspection, which is the default. It has no rate limit, because the tests guess thousands of names."""
    async with serving(shared_database_uri, introspection=False, rate_cost_per_second=0) as gateway:
        yield gateway


# Case S14 in tests/security/README.md: clients try to learn the schema.

INTROSPECTION = [
    get_introspection_query(),
    "{ __schema { queryType { name } } }",
    '{ __type(name: "Query") { name } }',
    "{ ...F } fragment F on Query { a: __schema { types { name } } }",
    "query A { me { subject } } query B { __schema { types { name } } }",
    "mutation { __schema { types { name } } }",
    "subscription { __schema { types { name } } }",
]


@pytest.mark.parametrize("way", FOR_QUERIES)
async def test_no_transport_reveals_the_schema(silent: Gateway, way: str) -> None:
    for query in INTROSPECTION:
        request = {**request_for(query), "operationName": "A" if "query A" in query else None}
        [response] = await FOR_QUERIES[way](silent, silent.token(), request)

        assert "data" not in response, query
        assert codes([response]) <= {"GRAPHQL_VALIDATION_FAILED", "BAD_REQUEST"}, query


PAGES = ["/", "/graphiql", "/graphql/console", "/playground", "/altair", "/voyager", "/console.js", "/schema.graphql", "/schema", "/schema.json"]


@pytest.mark.parametrize("path", [*PAGES, "/docs", "/redoc", "/openapi.json", "/graphql.json", "/.env", "/debug", "/admin", "/static/../.env"])
async def test_no_page_shows_the_schema(silent: Gateway, path: str) -> None:
    response = await silent.client.get(path, headers={"accept": "text/html,*/*;q=0.8"})

    assert response.status_code == 404
    assert response.text == "Not Found"


@pytest.mark.parametrize("accept", ["text/html,application/xhtml+xml,*/*;q=0.8", "text/html"])
async def test_the_endpoint_serves_no_page(silent: Gateway, accept: str) -> None:
    response = await silent.client.get("/graphql", headers={"accept": accept, "authorization": f"Bearer {silent.token()}"})

    assert response.status_code in (400, 406)
    assert response.headers["content-type"].startswith("application/json")


def misspelt(name: str) -> Iterator[str]:
    """Names that differ only a little from this name, as a client might guess them."""
    tried = (name[:-1], name + "s", name[1:], name.swapcase(), name[:1] + name[2:3] + name[1:2] + name[3:])
    return (wrong for wrong in dict.fromkeys(tried) if wrong != name and wrong.isidentifier() and not wrong.startswith("__"))


def guesses() -> Iterator[tuple[str, str]]:
    """For each name in the schema: the name, and a document that contains misspelt names in its place."""
    for type in SCHEMA.type_map.values():
        wrong_types = () if type.name.startswith("__") or is_specified_scalar_type(type) else misspelt(type.name)
        yield from ((type.name, f"query($v: {wrong}) {{ node(id: $v) {{ ... on {wrong} {{ id }} }} }}") for wrong in wrong_types)
        if type.name.startswith("__"):
            continue
        if isinstance(type, GraphQLObjectType | GraphQLInterfaceType):
            for name, field in type.fields.items():
                yield name, f"fragment F on {type.name} {{ {' '.join(misspelt(name))} }} {{ ...F }}"
                for argument in field.args:
                    given = ", ".join(f"{wrong}: 1" for wrong in misspelt(argument))
                    yield argument, f"fragment F on {type.name} {{ {name}({given}) }} {{ ...F }}"
        elif isinstance(type, GraphQLInputObjectType):
            for name in type.fields:
                given = ", ".join(f"{wrong}: 1" for wrong in misspelt(name))
                yield name, f"query($v: {type.name} = {{ {given} }}) {{ me {{ subject }} }}"
        elif isinstance(type, GraphQLEnumType):
            for name in type.values:
                declared = ", ".join(f"$v{number}: {type.name} = {wrong}" for number, wrong in enumerate(misspelt(name)))
                yield name, f"query({declared}) {{ me {{ subject }} }}"
    for directive in specified_directives:
        yield directive.name, f"{{ me {{ subject {' '.join(f'@{wrong}' for wrong in misspelt(directive.name))} }} }}"


async def test_errors_do_not_correct_nearly_right_names(silent: Gateway) -> None:
    tried, token = list(guesses()), silent.token()

    found = await answers(silent, [(token, request_for(document)) for _, document in tried], at_once=8)

    assert len({name for name, _ in tried}) > 150
    for (name, document), (status, body) in zip(tried, found, strict=True):
        text = body.decode()
        assert (status, "errors" in text) == (200, True), document
        # One suggestion is allowed: to write braces after a field. It appears if the guessed name happens to be the right name of a field.
        assert re.search(r"Did you mean (?!'\w+ { \.\.\. }')", text) is None, (document, text)
        # If a guessed name happens to be right, the error names the required arguments or fields. tests/security/README.md accepts this disclosure.
        remaining = re.sub(r"include required field '\w+'|'\S+\(\w+:\)' of type '\S+' is required", "", text)
        assert not re.search(rf"['.:(]{name}['.:)]", remaining) or re.search(rf"\b{name}\b", document), (document, text)


# Case S16 in tests/security/README.md: clients try to learn internal details from errors.

REASONS = {"UNAVAILABLE", "TIMEOUT", "INTERNAL_SERVER_ERROR"}
PLACES = re.compile(
    r"mongodb|motor|pymongo|127\.0\.0\.1|localhost|test_[0-9a-f]{32}|heartbeats|Traceback|File \"|\.py|errno|refused by|timed out", re.I
)


async def test_an_error_without_the_database_does_not_reveal_its_address(shared_database_uri: str) -> None:
    needing_it = [name for name in OPERATIONS if name not in ("statuses", "reasonCodes", "reasonCode", "me")]
    async with forwarding(shared_database_uri) as forwarder:
        await forwarder.open()
        async with serving(forwarder.uri, database_seconds=0.5, request_seconds=1) as gateway:
            await forwarder.close()

            async def responses_to(name: str, transport: Transport) -> list[Response]:
                query = OPERATIONS[name]
                # Use a different id in each request, because changes of the same verification would wait for each other.
                request = request_for(query, variables(query, id=f"ver_{uuid4().hex}", input=PERSON))
                return await transport(gateway, gateway.token(*Scope), request)

            tried = [(name, transport) for name in needing_it for transport in transports_of(OPERATIONS[name]).values()]
            found = await asyncio.gather(*(responses_to(name, transport) for name, transport in tried))

    for (name, transport), responses in zip(tried, found, strict=True):
        if OPERATIONS[name].startswith("subscription"):
            # The connection ends, so that the client connects again.
            assert responses in ([], [{"closed": {"code": 1013, "reason": "the database does not respond; connect again"}}]), (name, responses)
        else:
            assert codes(responses), (name, transport)
            assert codes(responses) <= REASONS, (name, transport, responses)
        assert PLACES.search(str(responses)) is None, (name, transport, responses)


@pytest.mark.parametrize("name", ["node", "verification", "verifications", "anonymizeVerification", "verificationUpdated"])
async def test_no_transport_reveals_content_of_an_unreadable_document(company: Company, name: str, caplog: pytest.LogCaptureFixture) -> None:
    id = await company.created()
    company.collection.update_one({"_id": id}, {"$set": {"status": "canary-5d2e", "events": "canary-5d2e"}})
    query = OPERATIONS[name]

    with caplog.at_level(logging.INFO):
        for way, transport in transports_of(query).items():
            responses = await transport(company.gateway, company.token(*Scope), request_for(query, variables(query, id=id)))

            errors = responses[-1].get("errors", [])
            # Two of these operations report no GraphQL error: the list leaves the unreadable document out, and the mutation returns a refusal.
            expected = (
                [] if name in ("verifications", "anonymizeVerification") else [(f"status of {id} can't be read by this release", "BAD_DOCUMENT")]
            )
            assert [(error["message"], error["extensions"]["code"]) for error in errors] == expected, way
            assert "canary-5d2e" not in repr((responses, [vars(record) for record in caplog.records])), way
