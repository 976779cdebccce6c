"""A peer without GraphQL: a REST service with Starlette, Motor and orjson, written by hand for exactly the answers that the benchmarks need."""

from asyncio import Future, create_task, get_running_loop
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from pymongo import WriteConcern
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.peers.rows import Collection, Document, connected, cursor, page
from domain.instant import instant_text
from domain.reasons import CATALOGUE

POINT = {"status": 1, "createdAt": 1, "reasons": 1}
ROW = POINT | {"reference": 1, "updatedAt": 1, "expiresAt": 1, "version": 1, "attempt": 1}
REASONS = {code: {"code": code, "type": reason.type.name, "description": reason.description} for code, reason in CATALOGUE.items()}
CODES = [
    REASONS[code] | {"statuses": [status.name for status in reason.statuses], "retryAdvice": reason.retry_advice.name}
    for code, reason in CATALOGUE.items()
]
LINK_WINDOW = timedelta(days=1)
MAJORITY = WriteConcern("majority", j=True)


class Gathered:
    """Reads verifications by id in batches. The ids that are requested while a query is running are read together by the next query."""

    def __init__(self, verifications: Collection, workspace: str) -> None:
        self._verifications = verifications
        self._workspace = workspace
        self._waiting: dict[str, Future[Document | None]] = {}
        self._reading = False

    async def get(self, id: str) -> Document | None:
        """The document with this id, or None if it does not exist. Waits for the query of its batch."""
        answer = self._waiting.get(id)
        if answer is None:
            answer = self._waiting[id] = get_running_loop().create_future()
        if not self._reading:
            self._reading = True
            self._task = create_task(self._read())
        return await answer

    async def _read(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, {}
            found = await self._verifications.find({"_id": {"$in": list(batch)}, "workspace": self._workspace}, POINT).to_list(None)
            documents = {document["_id"]: document for document in found}
            for id, answer in batch.items():
                answer.set_result(documents.get(id))
        self._reading = False


async def verification(request: Request) -> Response:
    """The response with one verification. Each request reads it with a query of its own."""
    state = request.app.state
    return shown(await state.verifications.find_one({"_id": request.path_params["id"], "workspace": state.workspace}, POINT))


async def gathered(request: Request) -> Response:
    """The response with one verification. Requests that arrive at the same time share one query."""
    state = request.app.state
    if not hasattr(state, "gathered"):
        state.gathered = Gathered(state.verifications, state.workspace)
    return shown(await state.gathered.get(request.path_params["id"]))


async def verifications(request: Request) -> Response:
    """The response for a page of the list of verifications."""
    state = request.app.state
    parameters = request.query_params
    documents, more = await page(state.verifications, state.workspace, int(parameters["first"]), ROW, parameters.get("after"))
    edges = [{"cursor": cursor(document["createdAt"], document["_id"]), "node": row(document)} for document in documents]
    return answer({"verifications": {"edges": edges, "pageInfo": {"hasNextPage": more, "endCursor": edges[-1]["cursor"] if edges else None}}})


async def reason_codes(request: Request) -> Response:
    """The response with the catalogue of reason codes."""
    return answer({"reasonCodes": CODES})


async def link_opened(request: Request) -> Response:
    """Record that the person opened the link. If another writer changes the verification at the same time, read it and decide again."""
    state = request.app.state
    collection = state.verifications.with_options(write_concern=MAJORITY)
    while True:
        old = await collection.find_one({"_id": request.path_params["id"], "workspace": state.workspace})
        if old is None:
            return answer({"reportProgress": None})
        if old["status"] != "pending" or "openedAt" in old:
            return reported(old)
        new = opened(old, datetime.now(UTC))
        guard = {"_id": old["_id"], "workspace": old["workspace"], "version": old["version"]}
        if (await collection.replace_one(guard, new)).matched_count:
            return reported(new)


def opened(old: Document, now: datetime) -> Document:
    """The document of a verification after its link was opened, with the event about it."""
    version, deadline = old["version"] + 1, now + LINK_WINDOW
    event = {"version": version, "type": "link_opened", "actor": "individual", "at": now}
    changed = {"version": version, "updatedAt": now, "openedAt": now, "linkExpiresAt": deadline, "due": min(deadline, old["expiresAt"])}
    return old | changed | {"events": [*old["events"], event]}


def shown(document: Document | None) -> Response:
    """The response to a read of one verification by its id: its fields, or null if it does not exist."""
    return answer({"verification": document and point(document)})


def reported(document: Document) -> Response:
    """The response to `link_opened`: the new state of the verification."""
    return answer({"reportProgress": {"id": document["_id"], "status": document["status"].upper(), "version": document["version"]}})


def point(document: Document) -> Document:
    """The fields of a verification in the response to a read by id."""
    return {
        "id": document["_id"],
        "status": document["status"].upper(),
        "createdAt": instant_text(document["createdAt"]),
        "reasons": reasons(document),
    }


def row(document: Document) -> Document:
    """The fields of a verification in a page of the list."""
    return {
        "id": document["_id"],
        "status": document["status"].upper(),
        "reference": document.get("reference"),
        "createdAt": instant_text(document["createdAt"]),
        "updatedAt": instant_text(document["updatedAt"]),
        "expiresAt": instant_text(document["expiresAt"]),
        "version": document["version"],
        "attempt": document["attempt"],
        "reasons": reasons(document),
    }


def reasons(document: Document) -> list[Document]:
    """The reasons of a verification, with the type and the description of each."""
    return [REASONS[code] for code in document["reasons"]]


def answer(data: dict[str, Any]) -> Response:
    """A response with these data as JSON, in the format of GraphQL."""
    return Response(orjson.dumps({"data": data}), media_type="application/json")


def application() -> Starlette:
    """Make the application. uvicorn calls this function when it starts the server (option `--factory`)."""
    return Starlette(
        routes=[
            Route("/verifications", verifications),
            Route("/verifications/{id}", verification),
            Route("/gathered/{id}", gathered),
            Route("/verifications/{id}/link-opened", link_opened, methods=["POST"]),
            Route("/reason-codes", reason_codes),
            Route("/ready", reason_codes),
        ],
        lifespan=connected,
    )
