"""The gateway's own schema as a subject of the comparison (see tests/comparison/README.md).

The guards of its fields decide what callers may read. There is a caller for each set of scopes.

The operations read and change two real databases.
"""

import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import combinations
from typing import Any

from graphql import FieldNode, GraphQLSchema, OperationDefinitionNode, OperationType, execute, parse
from hypothesis import strategies as st
from hypothesis_graphql import nodes
from pymongo import MongoClient

from domain.caller import Caller, FollowToken, Scope
from domain.event import Actor, Progress
from domain.request import RetryRequest
from domain.result import Result
from domain.status import Status
from domain.verification import Verification
from gateway.callers.rate import Rate
from gateway.operations.rights import enforce
from resolvers.context import Context, Services
from resolvers.followed_verification import VerificationUpdate
from resolvers.workspace_feed import VerificationFeedItem
from schema.build import build, executable
from store.driver import Document
from store.feed import Feed
from store.indexes import VERIFICATIONS
from store.verifications import Store
from tests.clock import Clock
from tests.comparison.comparison import json_text
from tests.comparison.executors import awaited
from tests.comparison.subjects import USUAL, ExecuteArguments, Start, Subject
from tests.factories import NOON, PASSPORT, WINDOWS, a_final_verification, a_provider, a_verification
from tests.storing import another_database, changes, encode, links_for_tests, outgoing, storing

ACME, OTHER = "acme", "other"
SCOPES = (Scope.READ, Scope.WRITE, Scope.REPORT, Scope.SENSITIVE)
EVERY_SET = [frozenset(scopes) for size in range(5) for scopes in combinations(SCOPES, size)]
# The beginnings of messages that a result reports only once, even if several fields cause them. The executors may choose different fields.
REPORTED_ONCE = ("personal data needs the scope",)
# Matches the ids and links that a mutation creates. They are different in each result, so they are removed before results are compared.
NEW = re.compile(r"ver_[0-9a-f]{32}|/sandbox/[^\"\\]*")


def ids(number: int) -> str:
    """The verification id that ends with this number in hexadecimal digits."""
    return f"ver_{number:032x}"


def verifications_of_every_kind(workspace: str, first: int) -> list[Verification]:
    """Verifications in each phase and with each outcome; some have ignored results, unknown codes, internal codes or retries, one is anonymized.

    `first`: the number in the id of the first verification.
    """
    made: list[Verification] = []

    def number() -> str:
        return ids(first + len(made))

    for progress in (None, *Progress):
        pending = a_verification(id=number(), workspace=workspace, reference=f"order-{len(made)}")
        made.append(pending.progressed(progress, WINDOWS, NOON + timedelta(minutes=len(made))) if progress else pending)
    for codes in (["IDVV_2101"], ["IDVV_2301", "IDVV_1301"], ["IDVV_2403"], ["NEW_CODE"], ["IDVV_2101", "NEW_CODE", "IDVV_2311"]):
        made.append(a_final_verification(Result.reported(Status.FAILED, codes, PASSPORT), id=number(), workspace=workspace))
    made.append(a_final_verification(Result.reported(Status.INCONCLUSIVE, ["IDVV_1314"]), id=number(), workspace=workspace, reference=None))
    verified = a_final_verification(Result.reported(Status.VERIFIED, [], PASSPORT), id=number(), workspace=workspace)
    made.append(verified.concluded(Result.reported(Status.FAILED, ["IDVV_2301", "IDVV_2101"]), NOON + timedelta(hours=1)))
    made.append(a_final_verification(id=number(), workspace=workspace).anonymized(Actor.INTEGRATOR, NOON + timedelta(hours=2)))
    last = a_final_verification(Result.reported(Status.FAILED, ["IDVV_1301"], PASSPORT), id=number(), workspace=workspace)
    for attempt in range(1, 4):
        id, at = ids(first + len(made) + 1), NOON + timedelta(hours=attempt)
        old, retry = last.retried(id, RetryRequest(), a_provider(id), WINDOWS, at)
        made.append(old)
        last = retry.concluded(Result.reported(Status.INCONCLUSIVE, ["IDVV_1101", "OTHER_CODE"]), at + timedelta(minutes=5))
    return [*made, last]


def unreadable() -> list[Document]:
    """Two MongoDB documents with values that this release cannot represent.

    In the first one, all fields that `EVERYTHING` selects can still be read. The second one can't be read at all.
    """
    opened = a_verification(id=ids(901)).progressed(Progress.LINK_OPENED, WINDOWS, NOON)
    partly = encode(opened) | {"openedAt": "noon", "linkExpiresAt": 7, "completedAt": [], "anonymizedAt": "never", "previous": 7, "provider": 7}
    partly["events"][0] |= {"from": "suspended"}
    partly["events"][1] |= {"type": "capture_paused"}
    return [partly, encode(a_final_verification(id=ids(902))) | {"status": "suspended"}]


STORED = [*verifications_of_every_kind(ACME, 1), *verifications_of_every_kind(OTHER, 1001)]
OWN = [each for each in STORED if each.workspace == ACME]
CALLERS = [
    *(Caller("tester", workspace, scopes, NOON) for scopes in EVERY_SET for workspace in (ACME, ACME, OTHER)),
    *(Caller("person", ACME, frozenset({Scope.FOLLOW}), NOON, chain) for chain in (OWN[-1].chain, OWN[5].chain, OWN[0].chain, "nothing")),
    *(Caller("reader", ACME, frozenset(SCOPES)) for _ in range(24)),
]
SAMPLES: dict[str, tuple[Any, ...]] = {
    "ID": (*(each.id for each in OWN), ids(901), ids(902), STORED[-1].id, "nothing"),
    "String": ("IDVV_2101", "IDVV_2301", "NEW_CODE", "order-1", "https://shop.example/welcome", "Jeanne"),
    "Int": (1, 2, 3, 5, 60, 900, 3600, 0, -1),
}
SCALARS = {
    "ID": st.sampled_from(SAMPLES["ID"]).map(nodes.String),
    "DateTime": st.sampled_from([(NOON + timedelta(hours=hours)).isoformat() for hours in (-1, 0, 1)]).map(nodes.String),
}


class TwoDatabases:
    """Two databases with the same content, one for each executor, so that neither executor sees the mutations of the other."""

    def __init__(self, first: Store, second: Store) -> None:
        self.services = {True: services(first), False: services(second)}
        self.schema: GraphQLSchema = executable(build())
        enforce(self.schema)

    @property
    def subject(self) -> Subject:
        """The gateway's schema as a subject. Its operations use the two databases."""
        return Subject("own", self.schema, self.begin, (*USUAL, OperationType.SUBSCRIPTION), SCALARS, SAMPLES, normalize, REPORTED_ONCE)

    def begin(self, operation: OperationDefinitionNode, start: Start, first: bool) -> ExecuteArguments:
        """The arguments of one execution, with a random caller. Queries of both executors read the first database. Mutations use one database each.

        `first`: whether graphql-core executes the operation.
        """
        changes = operation.operation is OperationType.MUTATION
        caller = start.dice.chosen(CALLERS, "caller")
        context = Context(self.services[first or not changes], caller)
        root = event(operation, start) if operation.operation is OperationType.SUBSCRIPTION else None
        return ExecuteArguments(root, context, caller.scopes)

    async def content(self, first: bool) -> list[str]:
        """What callers with all scopes read from the first or the second database: one JSON text for each workspace."""
        answers = []
        for workspace in (ACME, OTHER):
            context = Context(self.services[first], Caller("reader", workspace, frozenset(SCOPES)))
            result = await awaited(execute(self.schema, parse(EVERYTHING), None, context))
            assert not result.errors
            answers.append(normalize(json_text(result.data)))
        return answers


EVERYTHING = """
{
  verifications(first: 100, orderBy: CREATED_OLDEST) {
    totalCount
    edges {
      node {
        id reference status phase reasons { code } updatedAt redirectionUrl declaredIdentity { firstName lastName } extractedDocument { fullName }
        attempts { id } version events { version type actor at toStatus reasons { code } note }
      }
    }
  }
}
"""


def event(operation: OperationDefinitionNode, start: Start) -> Any:
    """A random event for the field of this subscription."""
    [first, *_] = operation.selection_set.selections
    assert isinstance(first, FieldNode)
    verification = start.dice.chosen(OWN, "verification")
    if first.name.value == "verificationUpdated":
        return VerificationUpdate(verification, ((verification.attempt, start.dice.number("seen") % 3),))
    return start.dice.chosen((VerificationFeedItem("cursor", verification, True), VerificationFeedItem("cursor")), "alone")


def normalize(text: str) -> str:
    """Replace the ids and links that are new in each result by a fixed text."""
    stored_ids = {each.id for each in STORED}
    return NEW.sub(lambda found: found[0] if found[0] in stored_ids else "new", text)


def services(store: Store) -> Services:
    """The services of resolvers over this store. Follow tokens are plain text, because real ones would differ in each result."""
    feed = Feed(store, store.client)
    return Services(
        store=store,
        feed=feed,
        changes=changes(store),
        links=links_for_tests(),
        outgoing=outgoing(store, feed),
        fingerprint=lambda text: text,
        follow_token=lambda caller, chain, ttl: FollowToken(f"{caller.subject} {chain} {ttl}", NOON + ttl),
        budgets=Rate(0, 1),
    )


@asynccontextmanager
async def two_databases(mongo_uri: str, mongo: MongoClient[dict[str, Any]]) -> AsyncIterator[TwoDatabases]:
    """Create two databases with the same verifications."""
    uris = [another_database(mongo_uri) for _ in range(2)]
    for uri in uris:
        insert(mongo, uri, STORED)
    async with storing(uris[0], Clock()) as first, storing(uris[1], Clock()) as second:
        yield TwoDatabases(first, second)


def insert(mongo: MongoClient[dict[str, Any]], uri: str, verifications: Iterable[Verification]) -> None:
    """Insert verifications into a database, and the documents that this release can't read in full."""
    mongo[uri.rpartition("/")[2]][VERIFICATIONS].insert_many([*map(encode, verifications), *unreadable()])
