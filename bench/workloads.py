"""The workloads whose throughput is measured: GraphQL requests, and the same requests for the REST service if it can answer them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from bench.dataset import Dataset
from bench.load import Request

POINT = "query($id: ID!) { verification(id: $id) { id status createdAt reasons { code type description } } }"
PAGE = """query($first: Int!) { verifications(first: $first) {
  edges { cursor node { id status reference createdAt updatedAt expiresAt version attempt reasons { code type description } } }
  pageInfo { hasNextPage endCursor }
} }"""
PAGE_AFTER = PAGE.replace("($first: Int!)", "($first: Int!, $after: String)").replace("(first: $first)", "(first: $first, after: $after)")
NESTED = """query($first: Int!) { verifications(first: $first) {
  edges { node { id status attempts { id status attempt } events { version type actor at toStatus reasons { code } } } }
} }"""
CATALOGUE = "{ reasonCodes { code type statuses description retryAdvice } }"
LINK_OPENED = (
    "mutation($id: ID!) { reportProgress(input: { verificationId: $id, progress: LINK_OPENED }) { ... on Verification { id status version } } }"
)

ROWS = 50
IDS = 2000


@dataclass(frozen=True, slots=True)
class Workload:
    """Requests of one kind: as GraphQL operations, and as the same requests to the REST service. The load generator picks among them at random."""

    name: str
    graphql: list[Request]
    rest: list[Request]


def operation(query: str, **variables: Any) -> Request:
    """The HTTP request that executes a GraphQL operation."""
    body = {"query": query, "variables": variables} if variables else {"query": query}
    return Request("POST", "/graphql", orjson.dumps(body).decode())


def workloads(data: Dataset) -> dict[str, Workload]:
    """All workloads that only read, by name. The workload `mixed` adds writes: see `throughput.mixed`."""
    # Take IDS ids that are spread evenly over all ids, so that the requests read from all parts of the index.
    ids = data.ids[:: max(len(data.ids) // IDS, 1)][:IDS]
    return {
        made.name: made
        for made in (
            Workload("point", [operation(POINT, id=id) for id in ids], [Request("GET", f"/verifications/{id}") for id in ids]),
            Workload("page", [operation(PAGE, first=ROWS)], [Request("GET", f"/verifications?first={ROWS}")]),
            Workload(
                "apart",
                [operation(PAGE_AFTER, first=ROWS, after=cursor) for cursor in data.cursors],
                [Request("GET", f"/verifications?first={ROWS}&after={cursor}") for cursor in data.cursors],
            ),
            Workload("nested", [operation(NESTED, first=ROWS)], []),
            Workload("catalogue", [operation(CATALOGUE)], [Request("GET", "/reason-codes")]),
        )
    }


def gathered(requests: Iterable[Request]) -> list[Request]:
    """The same point reads for another endpoint of the REST service, which reads concurrent requests from the database together."""
    return [Request(request.method, request.path.replace("/verifications/", "/gathered/")) for request in requests]


WRITES: dict[str, Callable[[str], Request]] = {
    "gateway": lambda id: operation(LINK_OPENED, id=id),
    "rest": lambda id: Request("POST", f"/verifications/{id}/link-opened"),
}
