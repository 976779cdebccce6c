"""The gateway's own schema as a subject: with its rights, a real store, verifications of every kind, and callers with every set of scopes."""

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
from domain.result import Result
from domain.status import Status
from domain.verification import RetryRequest, Verification
from gateway.operations.rights import enforce
from resolvers.context import Context, Services
from resolvers.subscriptions import VerificationFeedItem, VerificationUpdate
from schema.build import build, executable
from store.documents import Document
from store.feed import Feed
from store.indexes import VERIFICATIONS
from store.verifications import Store
from tests.clock import Clock
from tests.comparison.comparison import json_text
from tests.comparison.executors import awaited
from tests.comparison.subjects import USUAL, ExecuteArguments, Start, Subject
from tests.factories import NOON, PASSPORT, WINDOWS, a_final_verification, a_provider, a_verification
from tests.storing import another_database, changes, encode, storing

ACME, OTHER = "acme", "other"
SCOPES = (Scope.READ, Scope.WRITE, Scope.REPORT, Scope.SENSITIVE)
EVERY_SET = [frozenset(scopes) for size in range(5) for scopes in combinations(SCOPES, size)]
REPORTED_ONCE = ("personal data needs the scope",)
# Ids, links and follow tokens are new in each result of a mutation.
NEW = re.compile(r"ver_[0-9a-f]{32}|/sandbox/[^\"\\]*")


def ids(number: int) -> str:
    """The id of one of the stored verifications."""
    return f"ver_{number:032x}"


def verifications_of_every_kind(workspace: str, first: int) -> list[Verification]:
    """Verifications of every kind: in each phase, with each outcome, ignored results, unknown and internal codes, chains, without personal data."""
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
    """MongoDB documents that this release can read only in part, or not at all. It can read the part of the first one that `EVERYTHING` selects."""
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
    """Two databases with the same content. Each executor makes its changes in its own database."""

    def __init__(self, first: Store, second: Store) -> None:
        self.services = {True: services(first), False: services(second)}
        self.schema: GraphQLSchema = executable(build())
        enforce(self.schema)

    @property
    def subject(self) -> Subject:
        """The schema as a subject over the two databases."""
        return Subject("own", self.schema, self.begin, (*USUAL, OperationType.SUBSCRIPTION), SCALARS, SAMPLES, normalize, REPORTED_ONCE)

    def begin(self, operation: OperationDefinitionNode, start: Start, first: bool) -> ExecuteArguments:
        """The arguments of an execution by one of the callers. Both executors query the first database; each has its own for mutations."""
        changes = operation.operation is OperationType.MUTATION
        caller = start.dice.chosen(CALLERS, "caller")
        context = Context(self.services[first or not changes], caller)
        root = event(operation, start) if operation.operation is OperationType.SUBSCRIPTION else None
        return ExecuteArguments(root, context, caller.scopes)

    async def content(self, first: bool) -> list[str]:
        """The content of one of the databases, as a caller with all scopes reads it."""
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
    """An event of the subscription."""
    [first, *_] = operation.selection_set.selections
    assert isinstance(first, FieldNode)
    verification = start.dice.chosen(OWN, "verification")
    if first.name.value == "verificationUpdated":
        return VerificationUpdate(verification, verification.events[start.dice.number("seen") % 3 :])
    return VerificationFeedItem("cursor", start.dice.chosen((verification, None), "alone"))


def normalize(text: str) -> str:
    """The text without ids, links and tokens that are new in each result."""
    stored_ids = {each.id for each in STORED}
    return NEW.sub(lambda found: found[0] if found[0] in stored_ids else "new", text)


def services(store: Store) -> Services:
    """The services of resolvers, with follow tokens that contain their caller, chain and lifetime as text."""
    return Services(
        store=store,
        feed=Feed(store, store.client),
        changes=changes(store),
        fingerprint=lambda text: text,
        follow_token=lambda caller, chain, ttl: FollowToken(f"{caller.subject} {chain} {ttl}", NOON + ttl),
    )


@asynccontextmanager
async def two_databases(mongo_uri: str, mongo: MongoClient[dict[str, Any]]) -> AsyncIterator[TwoDatabases]:
    """Two databases with the same verifications in both."""
    uris = [another_database(mongo_uri) for _ in range(2)]
    for uri in uris:
        insert(mongo, uri, STORED)
    async with storing(uris[0], Clock()) as first, storing(uris[1], Clock()) as second:
        yield TwoDatabases(first, second)


def insert(mongo: MongoClient[dict[str, Any]], uri: str, verifications: Iterable[Verification]) -> None:
    """Insert verifications, and documents that can't be read, into a database."""
    mongo[uri.rpartition("/")[2]][VERIFICATIONS].insert_many([*map(encode, verifications), *unreadable()])
