"""A peer with unmodified Strawberry: its own ASGI application on Starlette, with its own extensions that cache parsing and validation."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Self

import orjson
import strawberry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig

from bench.peers.rows import ROW, Collection, Document, connected, cursor, page
from domain.event import Actor, EventType
from domain.instant import instant_text
from domain.reasons import CATALOGUE, ReasonType, RetryAdvice
from domain.status import Status

STATUSES = {status.value: status for status in Status}
EVENT_TYPES = {type.value: type for type in EventType}
ACTORS = {actor.value: actor for actor in Actor}

strawberry.enum(Status, name="VerificationStatus")
for enum in (ReasonType, RetryAdvice, EventType, Actor):
    strawberry.enum(enum)


@strawberry.type
class ReasonCode:
    """A reason code with its description."""

    code: str
    type: ReasonType
    description: str
    statuses: list[Status]
    retry_advice: RetryAdvice


REASONS = {
    code: ReasonCode(code=code, type=reason.type, description=reason.description, statuses=list(reason.statuses), retry_advice=reason.retry_advice)
    for code, reason in CATALOGUE.items()
}


class Broker:
    """Delivers new states to subscribers. Each subscriber has a queue, and the queues are grouped by verification."""

    def __init__(self) -> None:
        self._queues: dict[str, set[asyncio.Queue[Document]]] = defaultdict(set)

    def publish(self, document: Document) -> None:
        """Deliver a new state to all subscribers of its verification."""
        for queue in self._queues.get(document["_id"], ()):
            queue.put_nowait(document)

    async def follow(self, verifications: Collection) -> None:
        """Follow the change stream of the collection, and publish every state that replaces an earlier one."""
        async with verifications.watch([{"$match": {"operationType": "replace"}}]) as changes:
            async for change in changes:
                self.publish(change["fullDocument"])

    async def states(self, id: str) -> AsyncGenerator[Document, None]:
        """The states of one verification that are published from now on. Never ends."""
        queue: asyncio.Queue[Document] = asyncio.Queue()
        self._queues[id].add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._queues[id].discard(queue)


class Context(dict[str, Any]):
    """The context of one request: the database, the broker, and loaders that batch reads."""

    def __init__(self, state: Any) -> None:
        super().__init__()
        self.verifications: Collection = state.verifications
        self.workspace: str = state.workspace
        self.broker: Broker = state.broker
        self.attempts = DataLoader(self._attempts)
        self.events = DataLoader(self._events)

    async def page(self, first: int, after: str | None) -> tuple[list["Verification"], bool]:
        """The `first` newest verifications, or the `first` next ones behind the cursor `after`. Also returns whether the list goes on after them."""
        documents, more = await page(self.verifications, self.workspace, first, ROW, after)
        return [Verification.of(document) for document in documents], more

    async def _attempts(self, chains: list[str]) -> list[list["Verification"]]:
        found: dict[str, list[Verification]] = defaultdict(list)
        async for document in self.verifications.find({"workspace": self.workspace, "chain": {"$in": chains}}, ROW).sort("attempt", 1):
            found[document["chain"]].append(Verification.of(document))
        return [found[chain] for chain in chains]

    async def _events(self, ids: list[str]) -> list[list["Event"]]:
        found = {document["_id"]: document["events"] async for document in self.verifications.find({"_id": {"$in": ids}}, {"events": 1})}
        return [[Event.of(event) for event in found[id]] for id in ids]


Info = strawberry.Info[Context, None]


@strawberry.type
class Event:
    """One entry of a verification's history."""

    version: int
    type: EventType
    actor: Actor
    at: datetime
    to_status: Status | None
    codes: strawberry.Private[list[str]]

    @classmethod
    def of(cls, document: Document) -> Self:
        """Decode an event of a MongoDB document."""
        to = document.get("to")
        return cls(
            version=document["version"],
            type=EVENT_TYPES[document["type"]],
            actor=ACTORS[document["actor"]],
            at=document["at"],
            to_status=STATUSES[to] if to else None,
            codes=document.get("reasons", []),
        )

    @strawberry.field
    def reasons(self) -> list[ReasonCode]:
        """The reasons of this event."""
        return [REASONS[code] for code in self.codes]


@strawberry.type
class Verification:
    """One attempt at verifying a person's identity."""

    id: strawberry.ID
    status: Status
    reference: str | None
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    version: int
    attempt: int
    next: strawberry.Private[str | None]
    chain: strawberry.Private[str]
    codes: strawberry.Private[list[str]]

    @classmethod
    def of(cls, document: Document) -> Self:
        """Decode a MongoDB document. It may lack the history and the encrypted fields."""
        return cls(
            id=document["_id"],
            status=STATUSES[document["status"]],
            reference=document.get("reference"),
            created_at=document["createdAt"],
            updated_at=document["updatedAt"],
            expires_at=document["expiresAt"],
            version=document["version"],
            attempt=document["attempt"],
            next=document.get("next"),
            chain=document["chain"],
            codes=document["reasons"],
        )

    @strawberry.field
    def reasons(self) -> list[ReasonCode]:
        """The reasons for the status."""
        return [REASONS[code] for code in self.codes]

    @strawberry.field
    async def attempts(self, info: Info) -> list["Verification"]:
        """All attempts of the verification's chain, in order."""
        return [self] if self.attempt == 1 and self.next is None else await info.context.attempts.load(self.chain)

    @strawberry.field
    async def events(self, info: Info) -> list[Event]:
        """All events of the verification, oldest first."""
        return await info.context.events.load(self.id)


@strawberry.type
class VerificationEdge:
    """A row of the list."""

    cursor: str
    node: Verification


@strawberry.type
class PageInfo:
    """Whether there is a next page, and the cursor after which it starts."""

    has_next_page: bool
    end_cursor: str | None


@strawberry.type
class VerificationConnection:
    """A page of the list."""

    edges: list[VerificationEdge]
    page_info: PageInfo

    @classmethod
    def of(cls, rows: list[Verification], more: bool) -> Self:
        """A page with these rows, each with its cursor."""
        edges = [VerificationEdge(cursor=cursor(row.created_at, row.id), node=row) for row in rows]
        return cls(edges=edges, page_info=PageInfo(has_next_page=more, end_cursor=edges[-1].cursor if edges else None))


@strawberry.type
class VerificationUpdate:
    """A new state of a verification, and the event that led to it."""

    verification: Verification
    events: list[Event]


@strawberry.type
class Query:
    """The root type of queries."""

    @strawberry.field
    async def verification(self, info: Info, id: strawberry.ID) -> Verification | None:
        """The verification with this id, or None."""
        context = info.context
        document = await context.verifications.find_one({"_id": id, "workspace": context.workspace}, ROW)
        return Verification.of(document) if document else None

    @strawberry.field
    async def verifications(self, info: Info, first: int = 50, after: str | None = None) -> VerificationConnection:
        """A page of verifications."""
        return VerificationConnection.of(*await info.context.page(first, after))

    @strawberry.field
    def reason_codes(self) -> list[ReasonCode]:
        """The catalogue of reason codes."""
        return list(REASONS.values())


@strawberry.type
class Subscription:
    """The root type of subscriptions."""

    @strawberry.subscription
    async def verification_updated(self, info: Info, id: strawberry.ID) -> AsyncGenerator[VerificationUpdate, None]:
        """The new state of one verification after each of its changes."""
        async for document in info.context.broker.states(id):
            yield VerificationUpdate(verification=Verification.of(document), events=[Event.of(document["events"][-1])])


INSTANT = strawberry.scalar(name="DateTime", serialize=instant_text, parse_value=datetime.fromisoformat)
schema = strawberry.Schema(
    Query, subscription=Subscription, extensions=[ParserCache, ValidationCache], config=StrawberryConfig(scalar_map={datetime: INSTANT})
)


class Application(GraphQL[Context, None]):
    """Strawberry's ASGI application, with the context that the resolvers here need."""

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        """Create the context of a request. Strawberry calls this."""
        return Context(request.app.state)


@asynccontextmanager
async def running(app: Starlette) -> AsyncIterator[None]:
    """The lifespan of the application: connects to the database, and follows its change stream until the application ends."""
    async with connected(app):
        app.state.broker = Broker()
        following = asyncio.create_task(app.state.broker.follow(app.state.verifications))
        yield
        following.cancel()


async def publish(request: Request) -> Response:
    """Publish the states in the body of the request. They contain all fields, so nothing is read from the database."""
    for document in orjson.loads(await request.body()):
        request.app.state.broker.publish(dated(document))
    return PlainTextResponse("")


def dated(document: Document) -> Document:
    """Convert the times in a document that was decoded from JSON, which are texts, to datetime objects. Returns the document."""
    instants = {name: datetime.fromisoformat(document[name]) for name in ("createdAt", "updatedAt", "expiresAt")}
    events = [event | {"at": datetime.fromisoformat(event["at"])} for event in document["events"]]
    return document | instants | {"events": events}


async def ready(request: Request) -> Response:
    """The endpoint that the benchmark requests until the server is ready. Its response is empty."""
    return PlainTextResponse("")


def application() -> Starlette:
    """Make the application. uvicorn calls this function when it starts the server (option `--factory`)."""
    graphql = Application(schema)
    return Starlette(
        routes=[
            Route("/graphql", graphql),
            WebSocketRoute("/graphql", graphql),
            Route("/publish", publish, methods=["POST"]),
            Route("/ready", ready),
        ],
        lifespan=running,
    )
