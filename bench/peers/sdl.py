"""A peer with Ariadne. The schema is written in SDL, resolvers return MongoDB documents, and parsed and validated operation documents are cached."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from ariadne import ObjectType, QueryType, ScalarType, make_executable_schema
from ariadne.asgi import GraphQL
from graphql import DocumentNode, GraphQLError, GraphQLResolveInfo, GraphQLSchema, parse, validate
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bench.peers.rows import ROW, Document, connected, cursor, page
from domain.instant import instant_text
from domain.reasons import CATALOGUE

REASONS = {
    code: {
        "code": code,
        "type": reason.type.name,
        "description": reason.description,
        "statuses": [status.name for status in reason.statuses],
        "retryAdvice": reason.retry_advice.name,
    }
    for code, reason in CATALOGUE.items()
}

Info = GraphQLResolveInfo[Any]

query = QueryType()
verification = ObjectType("Verification")


@query.field("verification")
async def one(_: object, info: Info, id: str) -> Document | None:
    """Resolves `verification`: the verification with this id, or None."""
    state = info.context["request"].app.state
    found: Document | None = await state.verifications.find_one({"_id": id, "workspace": state.workspace}, ROW)
    return found


@query.field("verifications")
async def several(_: object, info: Info, first: int) -> Document:
    """Resolves `verifications`: the first page of the list."""
    state = info.context["request"].app.state
    documents, more = await page(state.verifications, state.workspace, first, ROW)
    edges = [{"cursor": cursor(document["createdAt"], document["_id"]), "node": document} for document in documents]
    return {"edges": edges, "pageInfo": {"hasNextPage": more, "endCursor": edges[-1]["cursor"] if edges else None}}


@query.field("reasonCodes")
def reason_codes(_: object, info: Info) -> list[Document]:
    """Resolves `reasonCodes`: the catalogue of reason codes."""
    return list(REASONS.values())


@verification.field("id")
def its_id(document: Document, info: Info) -> str:
    """Resolves the id of a verification, which MongoDB documents contain as `_id`."""
    return str(document["_id"])


@verification.field("status")
def status(document: Document, info: Info) -> str:
    """The verification's status, as the name of the GraphQL enum's value."""
    return str(document["status"]).upper()


@verification.field("reasons")
def reasons(document: Document, info: Info) -> list[Document]:
    """Resolves the reasons for the verification's status. The document contains only their codes."""
    return [REASONS[code] for code in document["reasons"]]


@lru_cache(maxsize=100)
def parsed(text: str) -> DocumentNode:
    """Parse the text of an operation document. The last 100 are cached."""
    return parse(text)


def cached_parser(context: object, data: dict[str, Any]) -> DocumentNode:
    """Parse the operation document of a request with the cache of `parsed`. Ariadne calls this instead of its own parser."""
    return parsed(data["query"])


class Validator:
    """Validates operation documents, and caches the results by the identity of the parsed document. `parsed` returns the same object each time."""

    def __init__(self) -> None:
        self._found: dict[int, tuple[DocumentNode, list[GraphQLError]]] = {}

    def __call__(self, schema: GraphQLSchema, document: DocumentNode, **options: Any) -> list[GraphQLError]:
        if id(document) not in self._found:
            self._found[id(document)] = document, validate(schema, document, **options)
        return self._found[id(document)][1]


async def ready(request: Request) -> Response:
    """The endpoint that the benchmark requests until the server is ready. Its response is empty."""
    return PlainTextResponse("")


def application() -> Starlette:
    """Make the application. uvicorn calls this function when it starts the server (option `--factory`)."""
    text = Path(__file__).with_name("schema.graphql").read_text()
    schema = make_executable_schema(text, query, verification, ScalarType("DateTime", serializer=instant_text))
    graphql = GraphQL(schema, query_parser=cached_parser, query_validator=Validator())
    return Starlette(routes=[Route("/graphql", graphql), Route("/ready", ready)], lifespan=connected)
