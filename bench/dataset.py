"""The random verifications in the database of the servers. They are created by the rules in `domain`, and stored as the gateway stores them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from random import Random
from typing import Any

from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.database import Database

from bench.machinery import WORKSPACE
from domain.deadlines import Windows, whole_milliseconds
from domain.event import Progress
from domain.filter import Order
from domain.identity import DeclaredIdentity, DocumentType, ExtractedDocument
from domain.reasons import CATALOGUE
from domain.request import ProviderReference, Request, RetryRequest
from domain.result import Result
from domain.status import Status
from domain.verification import Verification
from store.cursor import encode_all
from store.documents import encode
from store.driver import Document
from store.indexes import INDEXES, VERIFICATIONS
from store.sealing import SealingKeys
from store.verifications import utc_now

# These deadlines are so far away that none passes during a measurement. If one passed, the gateway would write to the database, and its peers would
# not, so the comparison would be unfair.
WINDOWS = Windows(link=timedelta(days=60), verification=timedelta(days=60))
OTHER_WORKSPACES = ("acme", "globex", "initech")
FIRST_NAMES = ("Ada", "Grace", "Jeanne", "Karim", "Lucía", "Mikołaj", "Noor", "Øyvind", "Priya", "Zoë")
LAST_NAMES = ("Byron", "Diallo", "García", "Hopper", "Kowalski", "Moreau", "Nguyen", "Olsen", "Rossi", "Weber")
CODES = {status: [code for code, reason in CATALOGUE.items() if status in reason.statuses] for status in (Status.FAILED, Status.INCONCLUSIVE)}
# How many rows of the list lie between two cursors of `Dataset.cursors`.
ROWS_APART = 60
STEP = timedelta(seconds=7, milliseconds=137)


@dataclass(slots=True)
class Company:
    """Generates random verifications of one workspace. Apart from their times, they are the same in each run."""

    workspace: str
    random: Random
    began: datetime
    made: int = field(default=0, init=False)

    def verifications(self, number: int) -> Iterator[Verification]:
        """New verifications, each followed by its retries, until this company has made at least `number` in total, earlier calls included."""
        while self.made < number:
            yield from self.attempts()

    def untouched(self, number: int) -> Iterator[Verification]:
        """`number` new verifications that only have the event of their creation."""
        return (self.created() for _ in range(number))

    def attempts(self) -> Iterator[Verification]:
        """One verification and its retries, if any."""
        verification = self.lived(self.created())
        while verification.can_retry and self.random.random() < 0.2:
            id = self.id()
            at = verification.updated_at + STEP
            before, successor = verification.retried(id, RetryRequest(), self.provider(id), WINDOWS, at)
            yield before
            verification = self.lived(successor)
        yield verification

    def created(self) -> Verification:
        """A new verification. Its only event is its creation."""
        random, id = self.random, self.id()
        declared = DeclaredIdentity(random.choice(FIRST_NAMES), random.choice(LAST_NAMES))
        request = Request(declared, "https://shop.example/welcome", reference=f"order-{self.workspace}-{self.made}")
        return Verification.created(id, self.workspace, request, self.provider(id), WINDOWS, self.now())

    def lived(self, verification: Verification) -> Verification:
        """The verification after random events: the person's progress, and usually a result. The verification then has three to seven events."""
        random = self.random
        outcome = random.choices((Status.PENDING, Status.VERIFIED, Status.FAILED, Status.INCONCLUSIVE), (20, 45, 20, 15))[0]
        at = verification.created_at
        for step in list(Progress)[: 3 if outcome.final else random.randint(2, 3)]:
            at += STEP * random.uniform(1, 9)
            verification = verification.progressed(step, WINDOWS, at)
        if not outcome.final:
            return verification
        verification = verification.concluded(self.result(outcome), at + STEP)
        # Sometimes the provider reports further results later. The rules ignore a result that differs, and only add an event.
        for _ in range(random.choices((0, 1, 2), (80, 15, 5))[0]):
            verification = verification.concluded(self.result(random.choice(list(CODES))), at + STEP * 2)
        return verification

    def result(self, status: Status) -> Result:
        """A result with this status, and with random reason codes or a random document number."""
        if status is Status.VERIFIED:
            number = f"{self.random.randrange(10**12):012}"
            return Result.reported(status, [], ExtractedDocument("Ada Byron", "1990-01-23", DocumentType.PASSPORT, "FR", number))
        return Result.reported(status, self.random.sample(CODES[status], self.random.choices((1, 2, 3), (50, 35, 15))[0]))

    def provider(self, id: str) -> ProviderReference:
        """The provider's name, id and link for the verification with this id."""
        return ProviderReference("sandbox", f"sandbox-{id}", f"https://provider.example/{id}")

    def id(self) -> str:
        """A new id in the gateway's format: the time, then random bits. Each call moves `now` forward by STEP."""
        self.made += 1
        return f"ver_{int(self.now().timestamp() * 1000):012x}{self.random.getrandbits(80):020x}"

    def now(self) -> datetime:
        """The creation time of the verification that was created last."""
        return self.began + STEP * self.made


@dataclass(frozen=True, slots=True)
class Dataset:
    """The stored verifications, as far as the benchmarks need them to build requests.

    `ids` belong to verifications with a history, `untouched` to new ones. Each of the `cursors` lets a page start at a different row of the list.
    """

    ids: list[str]
    untouched: list[str]
    cursors: list[str]


def write_dataset(uri: str, keys: SealingKeys, rows: int, untouched: int = 0) -> Dataset:
    """Create the indexes and store the verifications that the servers serve.

    The workspace that is measured gets `untouched` new verifications and about `rows` with a history. Other workspaces get half of `rows` together.
    """
    began = whole_milliseconds(utc_now()) - timedelta(days=20)
    random = Random(7)
    company = Company(WORKSPACE, random, began)
    fresh = list(company.untouched(untouched))
    mine = list(company.verifications(untouched + rows))
    others = (Company(name, random, began).verifications(rows // 2 // len(OTHER_WORKSPACES)) for name in OTHER_WORKSPACES)
    with database(uri) as target:
        prepare(target)
        insert(target[VERIFICATIONS], (encode(verification, keys) for verification in chain(fresh, mine, *others)))
    places = [(verification.created_at, verification.id) for verification in mine[ROWS_APART::ROWS_APART]]
    ids, untouched_ids = ([verification.id for verification in each] for each in (mine, fresh))
    return Dataset(ids, untouched_ids, encode_all(Order.CREATED_NEWEST, places))


@contextmanager
def database(uri: str) -> Iterator[Database[Document]]:
    """Connect to the database that the URI names, and disconnect at the end of the context."""
    client: MongoClient[Document]
    with MongoClient(uri, tz_aware=True) as client:
        yield client.get_default_database()


def prepare(target: Database[Document]) -> None:
    """Create the indexes that the gateway needs."""
    for name, indexes in INDEXES.items():
        target[name].create_indexes(indexes)


def insert(collection: Collection[Any], documents: Iterator[Any], batch: int = 1000) -> None:
    """Insert the documents, `batch` of them with each command."""
    waiting: list[Any] = []
    for document in documents:
        waiting.append(document)
        if len(waiting) == batch:
            collection.insert_many(waiting, ordered=False)
            waiting = []
    if waiting:
        collection.insert_many(waiting, ordered=False)
