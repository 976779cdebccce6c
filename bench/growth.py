"""How costs grow: from ten thousand verifications to a million, from the first page to the thousandth, from one process to two."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from itertools import islice
from random import Random
from statistics import median
from time import perf_counter

import bson
from bson.raw_bson import RawBSONDocument

from bench.agreement import Disagreement, answered, asked, connected
from bench.dataset import Company, database, prepare
from bench.load import CONNECTIONS, Load, Request, loaded
from bench.machinery import WORKSPACE, Served, gateway
from bench.processors import LOAD, SERVER
from bench.rounds import in_turn
from bench.servers import Place
from bench.workloads import PAGE_AFTER, ROWS, operation
from domain.deadlines import whole_milliseconds
from domain.filter import Order
from store import cursor
from store.documents import encode, milliseconds
from store.indexes import VERIFICATIONS
from store.verifications import utc_now

SIZES = (10_000, 100_000, 1_000_000)
PAGES = {"first": 1, "hundredth": 100, "thousandth": 1000}
TEMPLATES = 500
BATCH = 5000
EACH_ROUND = 30
LONGEST = timedelta(days=15)

# Where a date begins in a document's bytes: its type, its name, a zero.
CREATED, UPDATED = b"\x09createdAt\0", b"\x09updatedAt\0"

Times = dict[str, dict[str, list[float]]]


def measured(place: Place, rounds: int) -> dict[str, Times]:
    """The figures of lists of each size, and of pages far into the longest of them."""
    places = {size: place.beside(f"rows_{size}") for size in SIZES}
    for size, there in places.items():
        fill(there, size)
    with ExitStack() as stack:
        servers = {size: stack.enter_context(gateway(there.mongo_uri, there.keys, SERVER)) for size, there in places.items()}
        longest = SIZES[-1]
        pages = {name: page_request(places[longest], servers[longest], number) for name, number in PAGES.items()}
        return {
            "sizes": in_rounds({str(size): (server, pages["first"]) for size, server in servers.items()}, rounds),
            "pages": in_rounds({name: (servers[longest], request) for name, request in pages.items()}, rounds),
        }


def in_rounds(cases: Mapping[str, tuple[Served, Request]], rounds: int) -> Times:
    """The milliseconds of each case in each round, the first of which doesn't count."""
    found = in_turn({name: partial(milliseconds_of, *case) for name, case in cases.items()}, rounds + 1)
    return {name: {"ms": times[1:]} for name, times in found.items()}


def milliseconds_of(target: Served, request: Request, number: int) -> float:
    """How long an answer takes where nobody else asks: the median of a round."""
    times = []
    with connected(target) as connection:
        for _ in range(EACH_ROUND):
            begun = perf_counter()
            answered(connection, target, request)
            times.append((perf_counter() - begun) * 1000)
    return median(times)


def page_request(place: Place, target: Served, number: int) -> Request:
    """The request for the n-th page, by its cursor, once it has given the right rows. Raises: Disagreement."""
    before = (number - 1) * ROWS
    with database(place.mongo_uri) as opened:
        rows = opened[VERIFICATIONS].find({"workspace": WORKSPACE}, {"createdAt": 1}).sort([("createdAt", -1), ("_id", -1)])
        *previous, first = rows.skip(max(before - 1, 0)).limit(2 if before else 1)
    after = next((cursor.encode(cursor.Position(Order.CREATED_NEWEST, row["createdAt"], row["_id"])) for row in previous), None)
    request = operation(PAGE_AFTER, first=ROWS, after=after)
    [answer] = asked(target, [request])
    if f'"id":"{first["_id"]}"'.encode() not in answer or answer.count(b'"cursor"') != ROWS:
        raise Disagreement(f"page {number} is {answer[:400]!r}")
    return request


def fill(place: Place, rows: int) -> None:
    """Write so many verifications: copies of a few, with ids and times of their own. What is sealed in them can't be opened."""
    with database(place.mongo_uri) as target:
        copying = copies(place, rows)
        while batch := list(islice(copying, BATCH)):
            target.command("insert", VERIFICATIONS, documents=batch, ordered=False)
        # Much quicker than to keep them up to date meanwhile.
        prepare(target)


def copies(place: Place, rows: int) -> Iterator[RawBSONDocument]:
    """The documents, oldest first."""
    company = Company(WORKSPACE, Random(5), whole_milliseconds(utc_now()) - LONGEST)
    models = [company.lived(company.created()) for _ in range(TEMPLATES)]
    raw = [(model.id.encode(), bytearray(bson.encode(encode(model, place.keys.sealing)))) for model in models]
    places = [(document.index(CREATED) + len(CREATED), document.index(UPDATED) + len(UPDATED)) for _, document in raw]
    began = milliseconds(company.began)
    for number in range(rows):
        at = began + number * 1000 + 1
        (id, document), (created, updated) = raw[number % TEMPLATES], places[number % TEMPLATES]
        document[created : created + 8] = at.to_bytes(8, "little")
        document[updated : updated + 8] = (at + 500).to_bytes(8, "little")
        yield RawBSONDocument(bytes(document.replace(id, b"ver_%012x%020x" % (at, number))))


def processes(place: Place, load: Load, rounds: int, seconds: int) -> Times:
    """Answers a second of one process, and of two that share the same connections, each on a processor of its own."""
    with gateway(place.mongo_uri, place.keys, SERVER) as first, gateway(place.mongo_uri, place.keys, LOAD) as second:
        cases = {"one": partial(together, [first], load, seconds), "two": partial(together, [first, second], load, seconds)}
        return {name: {"per_second": found[1:]} for name, found in in_turn(cases, rounds + 1).items()}


def together(servers: list[Served], load: Load, seconds: int, number: int) -> float:
    """What all of them answer in a second."""
    with ThreadPoolExecutor() as pool:
        each = CONNECTIONS // len(servers)
        asking = [pool.submit(loaded, server, load, seconds, number, each) for server in servers]
        return sum(figures.result().per_second for figures in asking)
